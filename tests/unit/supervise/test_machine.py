"""The supervisor as a state machine, with and without standbys. Never two drivers; never a restart of one that is well, busy or idle;
always one of a driver that is dead or hangs, unless a person, the budget or poison says no."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from tests.unit.supervise.machine import World
from weir.jobs.spec import JobSpec
from weir.ports.cluster import DriverState
from weir.supervise.judge.report import Report
from weir.supervise.kind import Kinds
from weir.supervise.manager import ActionResult, Manager
from weir.supervise.parts import Parts

EYE = st.integers(0, 1)


def machine(folder: Path, eye: type[Manager]) -> type[RuleBasedStateMachine]:
    class Supervising(RuleBasedStateMachine):
        world: World

        @initialize(standby=st.sampled_from(("none", "warm")))
        def begin(self, standby: str) -> None:
            self.world = World(folder, eye, standby)
            self.world.deploy()

        @rule(n=st.integers(1, 5))
        def lines_arrive(self, n: int) -> None:
            self.world.lines_arrive(n)

        @rule(seconds=st.sampled_from((1, 5, 20, 70, 150)))
        def time_passes(self, seconds: int) -> None:
            self.world.pass_time(seconds)

        @rule(seconds=st.sampled_from((5, 20, 70)), eye=EYE)
        def somebody_watches(self, seconds: int, eye: int) -> None:
            self.world.watch(eye, seconds)

        @rule(eye=EYE)
        def an_eye_looks(self, eye: int) -> None:
            self.world.look(eye)

        @precondition(lambda self: self.world.seen)
        @rule(data=st.data())
        def an_eye_acts_on_what_it_saw_some_time(self, data: st.DataObject) -> None:
            self.world.act(*self.world.seen[data.draw(st.integers(0, len(self.world.seen) - 1))])

        @rule(ends=st.booleans(), seconds=st.sampled_from((0, 5, 70)))
        def both_eyes_look_and_one_acts_late(self, ends: bool, seconds: int) -> None:
            """Left to chance alone, a second act on one sight is rare: a hundred walks had none."""
            if ends:
                self.world.driver_ends(DriverState.FAILED, "")
            sights = [(eye, self.world.look(eye)) for eye in range(2)]
            for sight in sights:
                self.world.act(*sight)
                self.world.pass_time(seconds)

        @rule(state=st.sampled_from((DriverState.FAILED, DriverState.KILLED)), words=st.sampled_from(("", "KeyError: x", "ValueError: y")))
        def the_driver_ends(self, state: DriverState, words: str) -> None:
            self.world.driver_ends(state, words)

        @rule(eye=EYE, times=st.integers(1, 12))
        def an_outage_ends_every_driver_for_a_while(self, eye: int, times: int) -> None:
            """A broker that is away: each driver gives up after three minutes, and so does its successor."""
            for _ in range(times):
                self.world.driver_ends(DriverState.FAILED, "TimeoutException: no broker", "lost")
                self.world.watch(eye, 70)

        @rule()
        def the_driver_hangs(self) -> None:
            self.world.driver_hangs()

        @rule(eye=EYE, hangs=st.booleans())
        def the_driver_ends_after_a_while_that_was_watched(self, eye: int, hangs: bool) -> None:
            """Left to chance alone, no standby of a hundred walks was called up."""
            self.world.lines_arrive(1)
            self.world.watch(eye, 70)
            if hangs:
                self.world.standby_hangs()
            self.world.driver_ends(DriverState.FAILED, "")
            self.world.watch(eye, 10)

        @rule()
        def the_standby_ends(self) -> None:
            self.world.standby_ends()

        @rule()
        def the_standby_hangs(self) -> None:
            self.world.standby_hangs()

        @rule(answers=st.booleans())
        def the_broker_goes_or_comes(self, answers: bool) -> None:
            self.world.broker.answers = answers

        @rule(answers=st.booleans())
        def the_cluster_goes_or_comes(self, answers: bool) -> None:
            self.world.cluster.answers = answers

        @rule(what=st.sampled_from((World.deploy, World.restart, World.stop)))
        def somebody_asks(self, what: Callable[[World], None]) -> None:
            what(self.world)

        @rule(on=st.booleans())
        def somebody_holds_or_releases(self, on: bool) -> None:
            self.world.hold(on)

        @rule(seconds=st.sampled_from((0, 60, 400)))
        def somebody_opens_or_ends_a_window(self, seconds: int) -> None:
            self.world.maintenance(seconds)

        @rule(seed=st.integers(0, 2**32))
        def all_settles(self, seed: int) -> None:
            self.world.settle(random.Random(seed))

        @invariant()
        def there_is_one_driver_at_most(self) -> None:
            if hasattr(self, "world"):
                _ = self.world.driver

    return Supervising


def run(folder: Path, eye: type[Manager] = Manager, examples: int = 40) -> None:
    run_state_machine_as_test(
        machine(folder, eye),
        settings=settings(
            max_examples=examples,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize=True,
            database=None,
            report_multiple_bugs=False,
            phases=(Phase.generate,),
        ),
    )


def test_state_machine(tmp_path: Path) -> None:
    run(tmp_path)


class Stale(Manager):
    """Acts on what it saw, whichever attempt runs now."""

    def act(self, report: Report) -> ActionResult | None:
        head = self.store.head(report.job)
        return super().act(replace(report, attempt=head.attempt if head else 0))


class Blind(Manager):
    """Never acts."""

    def act(self, report: Report) -> None:
        return None


class Doubling(Manager):
    """Calls up a standby, and submits a driver, too."""

    def __init__(self, specs: dict[str, JobSpec], parts: Parts, kinds: Kinds) -> None:
        super().__init__(specs, parts, kinds)
        self.cluster: Any = parts.clusters["standalone"]

    def act(self, report: Report) -> ActionResult | None:
        action = super().act(report)
        called_up = {row.attempt: row for row in self.store.standbys(report.job)}
        if action and (row := called_up.get(action.attempt)):
            self.cluster.submit(replace(self.cluster.submissions[row.submission_id], arguments=[row.arguments]))
        return action


@pytest.mark.parametrize(("broken", "told"), [(Stale, "was well"), (Blind, "nothing landed"), (Doubling, "two drivers")])
def test_it_finds_a_supervisor_that_is(broken: type[Manager], told: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=told):
        run(tmp_path, broken)
