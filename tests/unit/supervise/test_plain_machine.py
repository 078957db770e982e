"""The real manager never starts a second driver of a plain job, whatever happens in the middle of what it does."""

from __future__ import annotations

from pathlib import Path

import pytest

from spark_jobs import failpoint
from spark_jobs.protocol.head import Head
from tests.unit.supervise.plain_world import World
from weir.ports.attempts import AttemptRow
from weir.ports.cluster import DriverState
from weir.supervise.judge import unfenced
from weir.supervise.start import unfenced_drivers, unfenced_preparation

LIVES, STEPS = 40, 150


def lived(folder: Path, seed: int, monkeypatch: pytest.MonkeyPatch) -> World:
    world = World(folder / str(seed), seed)
    monkeypatch.setattr(failpoint, "reach", world.reach)
    world.play(STEPS)
    return world


@pytest.mark.parametrize("block", range(4))
def test_there_are_never_two_drivers_and_one_can_always_be_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    started = 0
    for seed in range(block * LIVES, (block + 1) * LIVES):
        world = lived(tmp_path, seed, monkeypatch)
        assert world.truth.most <= 1, f"seed {seed}"
        world.settle()
        assert world.truth.most <= 1, f"seed {seed}, at the end"
        started += world.submissions
    assert started > 3 * LIVES, "hardly anything was ever started"


def _lost_has_ended(head: Head, row: AttemptRow | None, state: DriverState) -> str:
    return "" if state is DriverState.LOST else unfenced.unconfirmed(head, row, state)


def _not_noted_is_not_there(head: Head, row: AttemptRow | None, state: DriverState) -> str:
    return "" if row and not row.submission_id else unfenced.unconfirmed(head, row, state)


@pytest.mark.parametrize("broken", [_lost_has_ended, _not_noted_is_not_there])
def test_a_manager_that_breaks_a_rule_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: object) -> None:
    monkeypatch.setattr(unfenced_drivers, "unconfirmed", broken)
    assert any(lived(tmp_path, seed, monkeypatch).truth.most > 1 for seed in range(80))


def test_a_manager_that_sets_no_mark_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unfenced_preparation.UnfencedPreparation, "_marked", lambda self, head, row: head)
    assert any(lived(tmp_path, seed, monkeypatch).truth.most > 1 for seed in range(80))
