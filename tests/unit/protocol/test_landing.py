"""The product's own code of landed jobs, under hypothesis and long walks; and the same made to fail by breaking each rule."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from spark_jobs.protocol import head as protocol
from spark_jobs.protocol import writer
from weir.supervise.judge import landed_lineage

from .landing_world import World

WALKS, SEARCHED = 150, 1500
# How often something happens in a walk of a thousand steps; the rest goes to whatever is under way.
ODDS = {"event": 110, "take over": 25, "kill driver": 15, "kill other": 5, "back up": 10}
DAMAGE = {"store": 2, "sink": 2, "folders": 2, "torn": 3, "new epoch": 2}


class Landing(RuleBasedStateMachine):
    """Hypothesis chooses what happens next."""

    world: World

    @initialize(seed=st.integers(0, 2**32))
    def begin(self, seed: int) -> None:
        self.world = World(seed)
        self.world.spawn(self.world.take_over)

    @rule(n=st.integers(1, 4))
    def events_arrive(self, n: int) -> None:
        self.world.end += n

    @rule(times=st.integers(1, 30), which=st.randoms(use_true_random=False))
    def time_passes(self, times: int, which: random.Random) -> None:
        for _ in range(times):
            _step(self.world, which)

    @rule()
    def supervisor_takes_over(self) -> None:
        self.world.spawn(self.world.take_over)

    @rule()
    def an_operator_begins_an_epoch(self) -> None:
        self.world.spawn(self.world.new_epoch)

    @rule()
    def somebody_backs_up(self) -> None:
        self.world.back_up()

    @rule(what=st.sampled_from(("store", "sink", "folders")))
    def somebody_restores(self, what: str) -> None:
        self.world.restore(what)

    @rule()
    def a_file_is_torn(self) -> None:
        self.world.tear()

    @precondition(lambda self: self.world.drivers)
    @rule(which=st.randoms(use_true_random=False))
    def a_driver_is_killed(self, which: random.Random) -> None:
        self.world.drivers.remove(which.choice(self.world.drivers))

    @invariant()
    def no_event_is_there_twice(self) -> None:
        if hasattr(self, "world"):
            self.world.check()

    def teardown(self) -> None:
        if hasattr(self, "world"):
            _finish(self.world)


def test_state_machine() -> None:
    """Kills, zombies, torn files, epochs, restored stores, sinks and checkpoints, in any order: exact, or stopped."""
    run_state_machine_as_test(
        Landing,
        settings=settings(
            max_examples=80, stateful_step_count=50, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
        ),
    )


def test_kills_and_zombies_leave_every_event_once() -> None:
    seen = _walked({})
    assert seen["exact"] == WALKS
    assert all(seen[what] > 10 for what in ("landed", "evaluated again", "superseded"))


def test_what_is_damaged_is_exact_or_stops_the_job() -> None:
    seen = _walked(DAMAGE)
    assert {"exact", "state lost", "SinkAhead", "SinkBehind", "new epoch", "torn", "store restored", "folders restored"} <= seen.keys()


def test_a_pipeline_that_is_not_deterministic_is_told() -> None:
    assert _walked({}, deterministic=False)["NotDeterministic"] > WALKS / 10


Broken = Callable[[pytest.MonkeyPatch], None]


def _any_plan(patch: pytest.MonkeyPatch) -> None:
    """A claim is done again with whatever Spark plans."""
    ways = landed_lineage.continuations

    def without_claim(folder: Any, head: Any, *more: Any) -> Any:
        for way in ways(folder, head, *more):
            own = {n: data for n, data in folder.numbered("offsets").items() if n == head.batch_id}
            plans = {path: data for path, data in way.contents.items() if path != f"offsets/{head.batch_id}"}
            yield replace(way, contents={**plans, **{f"offsets/{n}": data for n, data in own.items()}})

    real = protocol.judge
    patch.setattr("weir.supervise.start.landed_copies.continuations", without_claim)
    patch.setattr(
        writer, "judge", lambda head, attempt, inc, batch, landed: real(replace(head, plan=batch.plan), attempt, inc, batch, landed)
    )
    patch.setattr(writer, "_require_same", lambda *_: None)


def _no_fence(patch: pytest.MonkeyPatch) -> None:
    from weir.testing import landed_sinks

    patch.setattr(landed_sinks, "may_write", lambda held, claimed: True)


def _held_is_written(patch: pytest.MonkeyPatch) -> None:
    from weir.testing import landed_sinks

    patch.setattr(writer, "holds_claim", lambda head, held: False)
    patch.setattr(landed_sinks, "may_write", lambda held, claimed: True)


def _not_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(writer.Writer, "_evaluate_again", lambda *_: None)


def _no_digests(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(writer, "_require_same", lambda *_: None)


def _no_comparison(patch: pytest.MonkeyPatch) -> None:
    from weir.testing import landed_sinks

    patch.setattr(writer, "disagreement", lambda head, held: None)
    patch.setattr(landed_sinks, "may_write", lambda held, claimed: True)


def _empty_state(patch: pytest.MonkeyPatch) -> None:
    state = World._state
    patch.setattr(World, "_state", lambda self, files, version: state(self, files, version if f"state/0/0/{version}.delta" in files else 0))
    patch.setattr("weir.testing.checkpoints.needed", _bare)


def _bare(old: Any, version: int, location: str, contents: Any, stateful: bool, each: Any) -> Any:
    from weir.cluster.state_copies import Needed

    return Needed([path for path in old.files if path.startswith("state/") and path not in contents])


@pytest.mark.parametrize(
    ("broken", "deterministic"),
    [(_any_plan, True), (_no_fence, True), (_held_is_written, True), (_not_again, True), (_no_digests, False), (_no_comparison, True),
     (_empty_state, True)],
)  # fmt: skip
def test_each_rule_is_needed(monkeypatch: pytest.MonkeyPatch, broken: Broken, deterministic: bool) -> None:
    broken(monkeypatch)
    for seed in range(SEARCHED):
        try:
            _wander(seed, DAMAGE, deterministic)
        except AssertionError:
            return
    pytest.fail(f"without the rule {SEARCHED} walks are exact")


def _walked(damage: dict[str, int], deterministic: bool = True) -> Counter[str]:
    seen: Counter[str] = Counter()
    for seed in range(WALKS):
        seen += _wander(seed, damage, deterministic).seen
    return seen


def _wander(seed: int, damage: dict[str, int], deterministic: bool = True, steps: int = 250) -> World:
    """A random walk with the odds of a bad day, to its end."""
    world = World(seed, deterministic)
    rng = world.rng
    world.spawn(world.take_over)
    odds = {**ODDS, **damage}
    for what in rng.choices([*odds, "step"], [*odds.values(), 1000 - sum(odds.values())], k=steps):
        _happen(world, what, rng)
        if world.stopped:
            break
        world.check()
    _finish(world)
    return world


def _happen(world: World, what: str, rng: random.Random) -> None:
    if what == "event":
        world.end += rng.randint(1, 3)
    elif what in ("take over", "new epoch"):
        world.spawn(world.take_over if what == "take over" else world.new_epoch)
    elif what == "kill driver" and world.drivers:
        world.drivers.remove(rng.choice(world.drivers))
    elif what == "kill other" and world.others:
        world.others.remove(rng.choice(world.others))
    elif what == "back up":
        world.back_up()
    elif what in ("store", "sink", "folders"):
        world.restore(what)
    elif what == "torn":
        world.tear()
    else:
        _step(world, rng)


def _step(world: World, rng: random.Random) -> None:
    if not world.stopped and (processes := world.drivers + world.others):
        world.step(rng.choice(processes))


def _finish(world: World) -> None:
    world.settle()
    world.check()
    if not world.stopped:
        world.wake_zombies()
        world.settle()
    if not world.stopped:
        world.check_exact()
        world.seen["exact"] += 1
