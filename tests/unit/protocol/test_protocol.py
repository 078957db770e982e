"""The counting protocol, run by hypothesis against the product's own code; and the same check made to fail by breaking each rule."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from greenlet import greenlet
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from spark_jobs.protocol import head as protocol
from spark_jobs.protocol.head import State
from weir.counts import read as reading
from weir.counts import rollup
from weir.counts import sweep as sweeping
from weir.counts.fold import seen_landed
from weir.counts.read import Grain
from weir.ports.counts import CountStore, Rolled, Touched
from weir.testing import MemoryStore

from . import world as worlds
from .machine import machine
from .world import HOUR, PARTITIONS, SEEN, SHARDS, World


def test_state_machine() -> None:
    """Kills, zombies, torn and old checkpoints, rebuilds, folds, sweeps and readers in any order: every read is exact."""
    run_state_machine_as_test(
        machine(MemoryStore),
        settings=settings(
            max_examples=150, stateful_step_count=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
        ),
    )


WALKS = 250  # long ones, and four times as many short ones
# How often something happens in a walk of a thousand steps; what is left goes to whatever is under way.
ODDS = {
    **{
        "lines": 130,
        "appear": 1,
        "take over": 15,
        "rebuild": 5,
        "forget": 1,
        "accept loss": 2,
        "quarantine": 2,
        "kill driver": 10,
        "kill other": 10,
    },
    **{"fold": 36, "sweep": 20, "read": 40, "roll up": 4, "sweep rolls": 1, "read all": 4},
}


def wander(seed: int, steps: int = 400) -> World:
    """A long random walk with the odds of a bad day: cheaper than the state machine, so it goes further."""
    rng = random.Random(seed)
    world = World(MemoryStore(), rng)
    world.spawn(world.take_over)
    for what in rng.choices([*ODDS, "step"], [*ODDS.values(), 1000 - sum(ODDS.values())], k=steps):
        happen(world, what, rng)
        world.check_ledger()
    world.settle()
    world.check_ledger()
    world.check_all_counted()
    return world


def happen(world: World, what: str, rng: random.Random) -> None:
    at = rng.choice((0, HOUR)), rng.randrange(SHARDS)
    supervisors = {"take over": world.take_over, "rebuild": world.rebuild, "accept loss": world.accept_loss, "quarantine": world.quarantine}
    works = {**supervisors, **folders(world, at, rng.choice((Grain.HOUR, Grain.DAY)))}
    if what in works:
        world.spawn(works[what])
    elif what == "lines":
        world.end[rng.choice([*world.end])] += rng.randint(1, 5)
    elif what == "appear":
        world.appear(rng.randint(0, 6), rng.randint(0, 3))
    elif what == "forget":
        world.forget(rng.choice([*world.end]), rng.randint(1, 8))
    elif what == "kill driver" and world.drivers:
        world.drivers.remove(rng.choice(world.drivers))
    elif what == "kill other" and world.others:
        world.others.remove(rng.choice(world.others))
    elif world.drivers or world.others:
        world.step(rng.choice(world.drivers + world.others))


def folders(world: World, at: tuple[int, int], grain: Grain) -> dict[str, Callable[[], None]]:
    return {
        "fold": lambda: world.fold(at),
        "sweep": lambda: world.sweep(at),
        "read": lambda: world.read(at),
        "roll up": lambda: world.roll_up(at[1]),
        "sweep rolls": world.sweep_rolls,
        "read all": lambda: world.read_all(grain),
    }


# What happens in the course of a day, and before which of its calls to the store somebody may fall asleep.
CYCLE = ("lines", "fold", "fold", "roll up", "sweep", "sweep", "sweep rolls", "read all")
NAPS = {
    "fold": ("head", "deltas", "put_run", "run_cells", "publish"),
    "roll up": ("hours", "published", "run_hour", "roll_sums", "publish_roll"),
    "sweep": ("runs", "published", "rolled", "publish_roll", "delete_deltas", "delete_run"),
    "sweep rolls": ("rolled", "delete_roll"),
    "read all": ("head", "hours", "roll_sums", "deltas"),
}
WHERE = [(what, call) for what, calls in NAPS.items() for call in calls]


def nap(seed: int) -> World:
    """Two that fold, sweep, roll up or read fall asleep before one of their calls to the store, and wake after others did all of theirs."""
    rng = random.Random(seed)
    world = World(MemoryStore(), rng)
    world.finish(world.take_over)
    sleepers: list[greenlet] = []
    for _ in range(2):
        bustle(world, rng)
        what, call = rng.choice(WHERE)
        sleepers.append(greenlet(folders(world, (rng.choice((0, HOUR)), 0), Grain.DAY)[what]))
        while not sleepers[-1].dead and sleepers[-1].switch() != call:
            pass
    bustle(world, rng)
    for sleeper in sleepers:
        world.finish(lambda: world.read_all(Grain.DAY))
        while not sleeper.dead:
            sleeper.switch()
        world.finish(lambda: world.read_all(Grain.DAY))
    world.check_all_counted()
    return world


def bustle(world: World, rng: random.Random) -> None:
    """Each work from its beginning to its end; some are left out."""
    left_out = rng.choice((0.1, 0.5, 0.8))
    for n, what in enumerate(rng.choice((1, 2)) * CYCLE):
        if rng.random() < left_out:
            continue
        if what == "lines":
            world.end[rng.choice(PARTITIONS)] += rng.randint(1, 5)
            world.drain()
        else:
            world.finish(folders(world, (HOUR * (n % 2), 0), Grain.DAY)[what])


def test_random_walks_see_everything_happen() -> None:
    """Hundreds of walks pass, and each kind of event really occurred in them."""
    seen: Counter[str] = Counter(dict.fromkeys(SEEN, 0))
    for world in walks():
        seen.update(world.seen)
    assert min(seen.values()) > 10, seen


def walks() -> Iterator[World]:
    """Short ones and long ones in turn."""
    for seed in range(WALKS):
        yield from map(nap, range(4 * seed, 4 * seed + 4))
        yield wander(seed)


def goes_wrong() -> bool:
    try:
        for _ in walks():
            pass
    except Exception:  # noqa: BLE001 - a broken rule may show as any error: a wrong read, a wrong ledger, no progress
        return True
    return False


def _always_landed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("spark_jobs.protocol.head.Landed.__contains__", lambda self, position: True)


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
    patch.setattr("weir.counts.read.View.__eq__", lambda self, other: True)


def _readers_of_days_do_not_look_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("weir.counts.read.View.__eq__", lambda self, other: self.published == other.published)


def _readers_ask_for_the_hours_before_the_head(patch: pytest.MonkeyPatch) -> None:
    original = reading._read

    def read(store: CountStore, job: str, hours: reading.Hours, grain: Grain) -> reading.Reading:
        known: list[Touched] = []
        return original(store, job, lambda: known or known.extend(hours()) or known, grain)  # type: ignore[func-returns-value]

    patch.setattr("weir.counts.read._read", read)


def _sweep_does_not_look_at_the_day(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("weir.counts.sweep.uncover", lambda *args: None)


def _sweep_looks_at_the_day_too_late(patch: pytest.MonkeyPatch) -> None:
    def sweep(store: CountStore, job: str, at: tuple[int, int], keep_since_ms: int) -> None:
        current = store.published(job, at)
        if current is not None:
            store.delete_deltas(job, at, current.write_ts)
            sweeping.uncover(store, job, at, current)

    patch.setattr("weir.counts.sweep.sweep", sweep)


def _sweep_takes_a_day_without_a_row_for_safe(patch: pytest.MonkeyPatch) -> None:
    original = sweeping.covered
    patch.setattr("weir.counts.sweep.covered", lambda row, *rest: row is None or original(row, *rest))


def _sweep_takes_an_empty_row_for_safe(patch: pytest.MonkeyPatch) -> None:
    original = sweeping.covered
    patch.setattr("weir.counts.sweep.covered", lambda row, *rest: (row is not None and not row.covers) or original(row, *rest))


def _read_empty_rows(patch: pytest.MonkeyPatch) -> None:
    original = reading._look
    everywhere = {(0, shard): Rolled("none", {}, 0) for shard in range(SHARDS)}

    def look(store: CountStore, job: str, places: set[tuple[int, int]], grain: Grain) -> reading.View:
        view = original(store, job, places, grain)
        return view if grain is not Grain.DAY else replace(view, rolled={**everywhere, **view.rolled}, published={})

    patch.setattr("weir.counts.read._look", look)


def _publish_rolls_blindly(patch: pytest.MonkeyPatch) -> None:
    def publish_roll(self: MemoryStore, job: str, at: tuple[int, int], expected: object, new: Rolled) -> bool:
        self._rolled[job, at] = new
        return True

    patch.setattr(MemoryStore, "publish_roll", publish_roll)


def _sweep_unpublished_rolls(patch: pytest.MonkeyPatch) -> None:
    original = MemoryStore.rolls
    patch.setattr(MemoryStore, "rolls", lambda self, job: {at: dict.fromkeys(begun, "never") for at, begun in original(self, job).items()})


def _take_the_hour_roll_up_of_another_run(patch: pytest.MonkeyPatch) -> None:
    original = MemoryStore.run_hour

    def run_hour(self: MemoryStore, job: str, at: tuple[int, int], run: str) -> object:
        return original(self, job, at, min((r for j, a, r in self._run_hours if (j, a) == (job, at)), default=run))

    patch.setattr(MemoryStore, "run_hour", run_hour)


def _cover_all_that_has_landed(patch: pytest.MonkeyPatch) -> None:
    """A roll that says it has more than its runs do; the proof is told the same."""
    original = rollup.published_hours

    def published_hours(store: CountStore, job: str, at: tuple[int, int]) -> object:
        newest = seen_landed(store, job).newest
        return {hour: replace(run, position=newest or run.position) for hour, run in original(store, job, at).items()}

    patch.setattr("weir.counts.rollup.published_hours", published_hours)
    patch.setattr("weir.counts.rollup.prove", lambda *args: None)


def _sweep_unpublished_runs(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(MemoryStore, "runs", lambda self, job, at: {r: "" for (j, a, r) in self._runs if (j, a) == (job, at)})


def _sweep_lists_the_runs_too_late(patch: pytest.MonkeyPatch) -> None:
    original = sweeping.sweep

    def sweep(store: CountStore, job: str, at: tuple[int, int], keep_since_ms: int) -> None:
        current = store.published(job, at)
        if current is not None:
            for run, base in store.runs(job, at).items():
                if current.run not in (run, base):
                    store.delete_run(job, at, run)
        original(store, job, at, keep_since_ms)

    patch.setattr("weir.counts.sweep.sweep", sweep)


def _do_not_keep_the_ledger(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(MemoryStore, "put_ledger", lambda self, head: None)


def _do_not_note_the_first_batch(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(MemoryStore, "put_first", lambda self, job, attempt, epoch, batch_id: None)


def _claim_anything(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("spark_jobs.protocol.head.joins", lambda end, start: True)


def _claim_before_the_gap_is_kept(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("spark_jobs.protocol.head.Head.for_ledger", property(lambda head: head.state is State.LANDED and head.has_batch))


def _a_takeover_forgets_the_gap(patch: pytest.MonkeyPatch) -> None:
    original = protocol.taken_over
    patch.setattr("weir.supervise.start.takeover.taken_over", lambda *args: replace(original(*args), gap=None))


def _a_gap_stays_in_the_head(patch: pytest.MonkeyPatch) -> None:
    original = protocol.claim
    patch.setattr("spark_jobs.protocol.writer.claim", lambda head, *args: replace(original(head, *args), gap=head.gap))


def _a_gap_belongs_to_whoever_looks(patch: pytest.MonkeyPatch) -> None:
    original = MemoryStore.put_ledger
    patch.setattr(MemoryStore, "put_ledger", lambda self, head: original(self, replace(head, by=head.attempt) if head.gap else head))


def _leave_out_unsaid(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("spark_jobs.protocol.head.accounts_for", lambda *args: True)
    patch.setattr("tests.unit.protocol.world.holes_between", lambda *args: ())


def _sources_join_unsaid(patch: pytest.MonkeyPatch) -> None:
    original = protocol.with_sources
    patch.setattr("tests.unit.protocol.world.with_sources", lambda head, *args: replace(original(head, *args), begins=head.begins))


def _sources_join_later(patch: pytest.MonkeyPatch) -> None:
    original = protocol.with_sources
    patch.setattr(
        "tests.unit.protocol.world.with_sources", lambda head, begins, names: original(head, {p: o + 1 for p, o in begins.items()}, names)
    )


def _a_claim_forgets_where_sources_begin(patch: pytest.MonkeyPatch) -> None:
    original = protocol.claim
    patch.setattr("spark_jobs.protocol.writer.claim", lambda head, *args: replace(original(head, *args), begins={}))


def _sources_join_at_the_end_of_a_claim_alone(patch: pytest.MonkeyPatch) -> None:
    original = protocol.with_sources
    patch.setattr("tests.unit.protocol.world.with_sources", lambda head, *args: replace(original(head, *args), start=head.start))


@pytest.mark.parametrize(
    "breaks",
    [
        _always_landed,
        _forget_the_old_run,
        _publish_blindly,
        _swap_without_looking,
        _delete_all_deltas,
        _readers_do_not_look_again,
        _readers_of_days_do_not_look_again,
        _readers_ask_for_the_hours_before_the_head,
        _sweep_does_not_look_at_the_day,
        _sweep_looks_at_the_day_too_late,
        _sweep_takes_a_day_without_a_row_for_safe,
        _sweep_takes_an_empty_row_for_safe,
        _read_empty_rows,
        _publish_rolls_blindly,
        _sweep_unpublished_rolls,
        _take_the_hour_roll_up_of_another_run,
        _cover_all_that_has_landed,
        _sweep_unpublished_runs,
        _sweep_lists_the_runs_too_late,
        _do_not_keep_the_ledger,
        _do_not_note_the_first_batch,
        _claim_anything,
        _claim_before_the_gap_is_kept,
        _a_takeover_forgets_the_gap,
        _a_gap_stays_in_the_head,
        _a_gap_belongs_to_whoever_looks,
        _leave_out_unsaid,
        _sources_join_unsaid,
        _sources_join_later,
        _a_claim_forgets_where_sources_begin,
        _sources_join_at_the_end_of_a_claim_alone,
    ],
)
def test_a_broken_rule_is_caught(breaks: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """The check can fail: with any one rule broken on purpose, some walk goes wrong."""
    breaks(monkeypatch)
    assert goes_wrong()
