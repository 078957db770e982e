"""The counting protocol, run by hypothesis against the product's own code; and the same check made to fail by breaking each rule."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from spark_jobs import protocol
from spark_jobs.protocol import State
from weir.counts.fold import seen_landed, sums
from weir.testing import MemoryStore

from . import world as worlds
from .machine import machine
from .world import HOUR, SHARDS, World


def test_state_machine() -> None:
    """Kills, zombies, torn and old checkpoints, rebuilds, folds, sweeps and readers in any order: every read is exact."""
    run_state_machine_as_test(
        machine(MemoryStore),
        settings=settings(
            max_examples=150, stateful_step_count=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
        ),
    )


def wander(seed: int, steps: int = 400) -> World:
    """A long random walk with the odds of a bad day: cheaper than the state machine, so it goes further."""
    rng = random.Random(seed)
    world = World(MemoryStore(), rng)
    world.spawn(world.take_over)
    for _ in range(steps):
        at = rng.choice((0, HOUR)), rng.randrange(SHARDS)
        chance = rng.random()
        if chance < 0.13:
            world.end[rng.randrange(2)] += rng.randint(1, 5)
        elif chance < 0.145:
            world.spawn(world.take_over)
        elif chance < 0.15:
            world.spawn(world.rebuild)
        elif chance < 0.151:
            world.forget(rng.randrange(2), rng.randint(1, 8))
        elif chance < 0.154:
            world.spawn(rng.choice((world.accept_loss, world.quarantine)))
        elif chance < 0.19:
            world.spawn(lambda at=at: world.fold(at))
        elif chance < 0.21:
            world.spawn(lambda at=at: world.sweep(at))
        elif chance < 0.25:
            world.spawn(lambda at=at: world.read(at))
        elif chance < 0.26 and world.drivers:
            world.drivers.remove(rng.choice(world.drivers))
        elif chance < 0.27 and world.others:
            world.others.remove(rng.choice(world.others))
        elif world.drivers or world.others:
            world.step(rng.choice(world.drivers + world.others))
        world.check_ledger()
    world.settle()
    world.check_ledger()
    world.check_all_counted()
    return world


def test_random_walks_see_everything_happen() -> None:
    """Three hundred walks pass, and each kind of event really occurred in them."""
    seen: dict[str, int] = {}
    for seed in range(300):
        for what, n in wander(seed).seen.items():
            seen[what] = seen.get(what, 0) + n
    assert min(seen.values()) > 10, seen


def fails_within(seeds: int) -> bool:
    for seed in range(seeds):
        try:
            wander(seed)
        except Exception:  # noqa: BLE001 - a broken rule may show as any error: a wrong read, a wrong ledger, no progress
            return True
    return False


def _always_landed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("spark_jobs.protocol.Landed.__contains__", lambda self, position: True)


def _forget_the_old_run(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(MemoryStore, "run_cells", _without_base(MemoryStore.run_cells))


def _without_base(original: Callable[..., object]) -> Callable[..., object]:
    def run_cells(self: MemoryStore, job: str, at: tuple[int, int], run: str) -> object:
        current = self.published(job, at)
        return {} if current is not None and current.run == run else original(self, job, at, run)

    return run_cells


def _publish_blindly(patch: pytest.MonkeyPatch) -> None:
    def publish(self: MemoryStore, job: str, at: tuple[int, int], expected: object, new: object) -> bool:
        self._published[job, at] = new  # type: ignore[assignment]
        return True

    patch.setattr(MemoryStore, "publish", publish)


def _swap_without_looking(patch: pytest.MonkeyPatch) -> None:
    def swap(self: MemoryStore, expected: object, new: object) -> bool:
        self._heads[worlds.JOB] = new  # type: ignore[assignment]
        return True

    patch.setattr(MemoryStore, "swap", swap)


def _delete_all_deltas(patch: pytest.MonkeyPatch) -> None:
    original = MemoryStore.delete_deltas
    patch.setattr(MemoryStore, "delete_deltas", lambda self, job, at, ts: original(self, job, at, ts + 50))


def _readers_do_not_look_again(patch: pytest.MonkeyPatch) -> None:
    def read(store: object, job: str, at: tuple[int, int]) -> object:
        current = store.published(job, at)  # type: ignore[attr-defined]
        return sums(store, job, at, current, seen_landed(store, job))  # type: ignore[arg-type]

    patch.setattr("weir.counts.read.read", read)


def _sweep_unpublished_runs(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(MemoryStore, "runs", lambda self, job, at: {r: "" for (j, a, r) in self._runs if (j, a) == (job, at)})


def _do_not_keep_the_ledger(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(MemoryStore, "put_ledger", lambda self, head: None)


def _do_not_note_the_first_batch(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(MemoryStore, "put_first", lambda self, job, attempt, epoch, batch_id: None)


def _claim_anything(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("spark_jobs.protocol.joins", lambda end, start: True)


def _claim_before_the_gap_is_kept(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("spark_jobs.protocol.Head.for_ledger", property(lambda head: head.state is State.LANDED and head.has_batch))


def _a_takeover_forgets_the_gap(patch: pytest.MonkeyPatch) -> None:
    original = protocol.taken_over
    patch.setattr("weir.supervise.takeover.taken_over", lambda *args: replace(original(*args), gap=None))


def _a_gap_stays_in_the_head(patch: pytest.MonkeyPatch) -> None:
    original = protocol.claim
    patch.setattr("spark_jobs.writer.claim", lambda head, *args: replace(original(head, *args), gap=head.gap))


def _a_gap_belongs_to_whoever_looks(patch: pytest.MonkeyPatch) -> None:
    original = MemoryStore.put_ledger
    patch.setattr(MemoryStore, "put_ledger", lambda self, head: original(self, replace(head, by=head.attempt) if head.gap else head))


def _leave_out_unsaid(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("spark_jobs.protocol.accounts_for", lambda *args: True)
    patch.setattr("tests.unit.protocol.world.holes_between", lambda *args: ())


@pytest.mark.parametrize(
    "breaks",
    [
        _always_landed,
        _forget_the_old_run,
        _publish_blindly,
        _swap_without_looking,
        _delete_all_deltas,
        _readers_do_not_look_again,
        _sweep_unpublished_runs,
        _do_not_keep_the_ledger,
        _do_not_note_the_first_batch,
        _claim_anything,
        _claim_before_the_gap_is_kept,
        _a_takeover_forgets_the_gap,
        _a_gap_stays_in_the_head,
        _a_gap_belongs_to_whoever_looks,
        _leave_out_unsaid,
    ],
)
def test_a_broken_rule_is_caught(breaks: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """The check can fail: with any one rule broken on purpose, some walk goes wrong."""
    breaks(monkeypatch)
    assert fails_within(300)
