"""A plain job never has two drivers: supervisors that crash and sleep anywhere, a cluster that loses drivers, and an honest operator."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import pytest

from spark_jobs.protocol.head import Head, first_head, started, taken_over
from weir.ports.attempts import AttemptRow
from weir.ports.cluster import DriverState
from weir.supervise.judge import unfenced
from weir.supervise.judge.unfenced import CONFIRM_AFTER_MS, CONFIRMED, may_confirm, may_submit, submit_mark

RUNS, STEPS = 500, 200


@dataclass
class World:
    """One job: its head, the rows of its attempts, and what really runs on the cluster."""

    r: random.Random
    head: Head = field(default_factory=lambda: first_head("words", {}, 1))
    rows: dict[int, AttemptRow] = field(default_factory=dict)
    alive: set[str] = field(default_factory=set)
    seen: dict[str, DriverState] = field(default_factory=dict)  # what the cluster says, by submission
    now: int = 0  # ms
    most: int = 0  # drivers that were alive at once
    starts: int = 0

    def swap(self, expected: Head, new: Head) -> bool:
        if self.head != expected:
            return False
        self.head = new
        return True

    def submit(self) -> str:
        self.starts += 1
        submission = f"driver-{self.starts}"
        self.alive.add(submission)
        self.seen[submission] = DriverState.RUNNING
        self.most = max(self.most, len(self.alive))
        return submission

    def die(self, submission: str) -> None:
        """A driver ends. A cluster that had lost it before never hears of it."""
        self.alive.discard(submission)
        if self.seen[submission] is DriverState.RUNNING:
            self.seen[submission] = self.r.choice((DriverState.FAILED, DriverState.KILLED, DriverState.FINISHED))

    def state(self, submission: str) -> DriverState:
        return DriverState.UNKNOWN if self.r.random() < 0.1 else self.seen[submission]


Rule = Callable[[Head, AttemptRow | None, DriverState], str]


def supervisor(world: World, rule: Rule, marks: bool = True, bound: bool = True) -> Iterator[None]:
    """One try to start the next attempt. It may sleep, or end for good, at each yield."""
    head = world.head
    yield
    row = world.rows.get(head.attempt)
    yield
    state = world.state(row.submission_id) if row and row.submission_id else DriverState.UNKNOWN
    yield
    if rule(head, row, state):
        return
    new = taken_over(head)
    mine = AttemptRow(new.attempt, taken_at=world.now)
    world.rows[new.attempt] = world.rows.get(new.attempt, mine)
    yield
    if not world.swap(head, new):
        return
    yield
    # Whoever lost the race may have noted itself; written again before the mark: see may_confirm.
    world.rows[new.attempt] = replace(world.rows[new.attempt], taken_at=mine.taken_at)
    yield
    if marks:
        marked = started(new, submit_mark(f"supervisor {id(head)}"))
        if not world.swap(new, marked):
            return
        yield
    if bound and not may_submit(mine, world.now):
        return
    submission = world.submit()
    yield
    world.rows[new.attempt] = replace(world.rows[new.attempt], submission_id=submission)


def operator(world: World, hasty: bool = False) -> None:
    """Confirms an end that is true, as somebody who has looked would, and as soon as may be."""
    attempt = world.head.attempt
    if not world.alive and attempt in world.rows and (hasty or may_confirm(world.rows[attempt], world.now)):
        world.rows[attempt] = replace(world.rows[attempt], exit_reason=CONFIRMED)


def play(seed: int, rule: Rule = unfenced.unconfirmed, marks: bool = True, bound: bool = True, hasty: bool = False) -> World:
    world = World(random.Random(seed))
    at_work: list[Iterator[None]] = []
    for _ in range(STEPS):
        world.now += world.r.choices((10, 1000, 20_000, 200_000), (60, 30, 7, 3))[0]
        match world.r.random():
            case x if x < 0.2:
                at_work.append(supervisor(world, rule, marks, bound))
            case x if x < 0.26 and world.alive:
                world.die(world.r.choice(sorted(world.alive)))
            case x if x < 0.3 and world.alive:
                world.seen[world.r.choice(sorted(world.alive))] = DriverState.LOST  # its worker is gone behind a cut
            case x if x < 0.33 and at_work:
                at_work.pop(world.r.randrange(len(at_work)))  # killed
            case x if x < 0.36:
                operator(world, hasty)
            case _ if at_work:
                one = world.r.choice(at_work)
                if next(one, one) is one:
                    at_work.remove(one)
    return world


def settle(world: World) -> None:
    """All is quiet: what runs ends, an operator looks, and one supervisor has time."""
    for submission in sorted(world.alive):
        world.die(submission)
    world.now += CONFIRM_AFTER_MS + 1
    operator(world)
    before = world.starts
    for _ in range(20):
        for _ in supervisor(world, unfenced.unconfirmed):
            pass
        if world.starts > before:
            return
    raise AssertionError(f"no driver could be started: {world.head}, {world.rows.get(world.head.attempt)}")


@pytest.mark.parametrize("block", range(4))
def test_there_are_never_two_drivers(block: int) -> None:
    for seed in range(block * RUNS, (block + 1) * RUNS):
        world = play(seed)
        assert world.most <= 1, f"seed {seed}"


def test_a_job_whose_driver_ended_can_always_be_started_again() -> None:
    worlds = [play(seed) for seed in range(RUNS)]
    for world in worlds:
        settle(world)
    assert sum(world.starts for world in worlds) > RUNS, "hardly anything was ever started"


def _lost_has_ended(head: Head, row: AttemptRow | None, state: DriverState) -> str:
    return "" if state is DriverState.LOST else unfenced.unconfirmed(head, row, state)


def _unknown_has_ended(head: Head, row: AttemptRow | None, state: DriverState) -> str:
    return "" if state is DriverState.UNKNOWN and row and row.submission_id else unfenced.unconfirmed(head, row, state)


def _not_noted_is_not_there(head: Head, row: AttemptRow | None, state: DriverState) -> str:
    return "" if row and not row.submission_id else unfenced.unconfirmed(head, row, state)


@pytest.mark.parametrize("broken", [_lost_has_ended, _unknown_has_ended, _not_noted_is_not_there])
def test_each_rule_is_needed(broken: Rule) -> None:
    assert any(play(seed, broken).most > 1 for seed in range(4 * RUNS))


def test_the_mark_is_needed() -> None:
    """Without it an attempt that is being submitted looks like one that never was."""
    assert any(play(seed, marks=False).most > 1 for seed in range(4 * RUNS))


@pytest.mark.parametrize("without", [{"bound": False}, {"hasty": True}])
def test_both_bounds_are_needed(without: dict[str, bool]) -> None:
    """A supervisor that sleeps before it submits, and an operator who confirms meanwhile that nothing runs."""
    assert any(play(seed, **without).most > 1 for seed in range(4 * RUNS))
