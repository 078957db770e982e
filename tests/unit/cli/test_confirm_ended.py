"""`weir confirm-ended`: asks first, and only where there is something to confirm."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Weir
from tests.unit.supervise.plain_bench import JOB, PlainBench
from weir.ports.cluster import DriverState


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PlainBench:
    bench = PlainBench(tmp_path)
    monkeypatch.setattr("weir.cli.jobs.opened_manager", lambda: nullcontext(bench.manager))
    bench.running()
    return bench


def test_what_runs_is_not_confirmed_ended(bench: PlainBench, weir: Weir) -> None:
    code, _, err = weir("confirm-ended", JOB, "--reason", "x", "--yes")
    assert code == 1 and "nothing to confirm" in err


def test_without_a_yes_nothing_is_done(bench: PlainBench, weir: Weir, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.ends(DriverState.LOST)
    monkeypatch.setattr("typer.confirm", lambda *_, **__: False)
    assert weir("confirm-ended", JOB, "--reason", "x")[0] == 1
    assert not bench.row.exit_reason


def test_it_lets_the_next_driver_start(bench: PlainBench, weir: Weir) -> None:
    bench.ends(DriverState.LOST)
    code, _, err = weir("confirm-ended", JOB, "--reason", "the machine is off", "--yes")
    assert code == 0 and "attempt 1, has ended" in err
    assert bench.act() and bench.submissions == 2


def test_it_is_held_to_the_attempt_that_is_named(bench: PlainBench, weir: Weir) -> None:
    bench.ends(DriverState.LOST)
    code, _, err = weir("confirm-ended", JOB, "--reason", "x", "--attempt", "7", "--yes")
    assert code == 1 and "not at 7" in err
