"""A world for the supervisor's state machine: drivers and standbys that live, hang and die, parts that go away, people with their words,
and two eyes that look and act at any time, also on what they saw long ago. The judgement and the manager are the product's own."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from spark_jobs.counts.deltas import counting_writer
from spark_jobs.protocol.partition import numbers
from spark_jobs.protocol.writer import Superseded, Writer
from tests.unit.supervise.bench import JOB, Bench
from weir.counts.kind import CountsKind
from weir.errors import Conflict, NotRunning
from weir.ports.cluster import DriverState
from weir.supervise.judge.report import Report, Verdict
from weir.supervise.manager import Manager

SETTLED_S = 600  # far longer than the longest pause between two restarts


class World(Bench):
    def __init__(self, folder: Path, eye: type[Manager] = Manager, standby: str = "none") -> None:
        super().__init__(folder)
        self.manager.specs[JOB] = self.manager.specs[JOB].model_copy(update={"standby": standby})
        code = folder / "spark_jobs"  # little of it: it is read at each deploy
        (code / JOB).mkdir(parents=True, exist_ok=True)
        (code / JOB / "job.py").write_text("")
        self.parts = replace(self.parts, settings=replace(self.parts.settings, jobs=str(code)))
        self.manager = self.another()
        kinds = {"counts": CountsKind(self.store, self.broker, self.parts.settings)}
        self.eyes = [eye(self.manager.specs, self.parts, kinds) for _ in range(2)]
        self.writers: dict[str, Writer] = {}
        self.hung: set[str] = set()
        self.seen: list[tuple[int, Report]] = []  # by which eye
        self.told: list[str] = []  # the last words of the drivers that ended by themselves, since something landed
        self.stopped, self.held, self.window_ends = True, False, 0.0
        self.by_itself = set[int]()  # attempts that an eye has started since something landed, and that did not end in an outage

    # drivers

    @property
    def driver(self) -> str:
        """The driver that lives; empty for none. There must never be two, and one standby at most that waits."""
        waiting = [row.submission_id for row in self.store.standbys(JOB) if row.waits]
        assert len(set(waiting) & set(self.cluster.alive)) <= 1, waiting
        drivers = [one for one in self.cluster.alive if not self.arguments(one).standby]
        assert len(drivers) <= 1, f"two drivers: {drivers}"
        return next(iter(drivers), "")

    @property
    def standby(self) -> str:
        """The standby that lives and was not called up; empty for none."""
        return next((one for one in self.cluster.alive if self.arguments(one).standby), "")

    def pass_time(self, seconds: int) -> None:
        """A healthy driver starts, and lands within a second what there is."""
        for _ in range(seconds):
            self.clock.sleep(1)
            self.work()

    def wait(self) -> None:
        """A standby gets ready, and ends when it is told to. It can write nothing."""
        if (one := self.standby) and one not in self.hung:
            args = self.arguments(one)
            with pytest.raises(Superseded):
                counting_writer(self.store, JOB, args.attempt, one, args.version, args.options["shards"], lambda: 1).start()
            self.store.put_ready(JOB, args.standby, one, int(self.clock() * 1000))
            if (orders := self.store.orders(JOB, args.standby)) and orders.retired:
                self.cluster.states[one] = DriverState.FINISHED

    def work(self) -> None:
        self.wait()
        one = self.driver
        if not one or one in self.hung:
            return
        if one not in self.writers:
            self.writers[one] = self.writer(one)
        if not self.broker.answers:
            return
        head, end = self.head(), self.end()
        start = numbers(head.frontier)[0]
        if start < end:
            self.land(self.writers[one], head.last_landed + 1, start, end)
            self.by_itself, self.told = set(), []

    def end(self) -> int:
        return len(self.broker._records["logs"][0])

    def lines_arrive(self, n: int) -> None:
        self.broker.fill("logs", 0, n)

    def driver_ends(self, state: DriverState, last_words: str, reason: str = "failed") -> None:
        """Killed without a word, or by an error in its next batch."""
        if one := self.driver:
            self.cluster.states[one] = state
            if last_words:
                self.store.put_exit(JOB, self.head().attempt, f"i-{one}", reason, last_words, self.head().last_landed + 1)
                self.told.append(last_words)
            if reason == "lost":
                self.by_itself.discard(self.head().attempt)

    def driver_hangs(self) -> None:
        self.hung |= {self.driver} - {""}

    def standby_ends(self) -> None:
        if one := self.standby:
            self.cluster.states[one] = DriverState.FAILED

    def standby_hangs(self) -> None:
        self.hung |= {self.standby} - {""}

    @property
    def started(self) -> int:
        """How many attempts ever got a driver."""
        return sum(bool(row.submission_id) for row in self.store._attempts.get(JOB, {}).values())

    # eyes

    @property
    def paused(self) -> bool:
        return self.held or self.clock() < self.window_ends

    def look(self, eye: int) -> Report:
        report = self.eyes[eye].health(JOB)
        self.seen.append((eye, report))
        return report

    def watch(self, eye: int, seconds: int) -> None:
        for _ in range(seconds // 5):
            self.act(eye, self.look(eye))
            self.pass_time(5)

    def act(self, eye: int, report: Report) -> None:
        healthy = self.driver if self.driver not in self.hung else ""
        before = self.started
        with contextlib.suppress(Conflict, NotRunning):
            self.eyes[eye].act(report)
        started = self.started - before
        assert started == 0 or not (self.stopped or self.paused), "a person said no"
        assert started == 0 or not healthy, f"{healthy} was well"
        assert not healthy or healthy == self.driver, f"{healthy} was well, and was ended"
        self.by_itself |= {self.head().attempt} if started else set()
        assert len(self.by_itself) <= self.budget, "the budget was used up"
        self.tend(eye, report)

    def tend(self, eye: int, report: Report) -> None:
        one, before = self.driver, len(self.cluster.submissions)
        with contextlib.suppress(Conflict, NotRunning):
            self.eyes[eye].tend(report)
        assert len(self.cluster.submissions) == before or not (self.stopped or self.paused), "a person said no"
        assert one == self.driver, "a standby came in the way of a driver"

    @property
    def budget(self) -> int:
        """Restarts in a row that land nothing. Each is forgiven in time; the walks are shorter than that is long."""
        policy = self.manager.specs[JOB].restart
        return policy.budget + int((self.clock() - 1_800_000_000) / policy.refill_after)

    # people

    def deploy(self) -> None:
        if self._asked(lambda: self.manager.deploy(JOB, "ana", "why")):
            self.stopped = False

    def restart(self) -> None:
        self._asked(lambda: self.manager.restart(JOB, None, "ana", "why"))

    def stop(self) -> None:
        if self._asked(lambda: self.manager.stop(JOB, "ana", "why")):
            self.stopped = True

    def hold(self, on: bool) -> None:
        _ = self.manager.hold(JOB, "ana", "why") if on else self.manager.release(JOB, "ana")
        self.held = on

    def maintenance(self, seconds: int) -> None:
        _ = self.manager.maintenance(JOB, 1000 * seconds, "ben", "why") if seconds else self.manager.end_maintenance(JOB, "ben")
        self.window_ends = self.clock() + seconds

    def _asked(self, what: Callable[[], object]) -> bool:
        """What a person asks for happens, or is refused; what is wanted may then be noted already, as a deploy that could not submit."""
        try:
            what()
        except (Conflict, NotRunning):
            wanted = self.store.job(JOB)
            self.stopped = wanted is None or wanted.desired != "running"
            return False
        return True

    # what must become of it

    def settle(self, rng: random.Random) -> None:
        """All parts answer, and somebody looks: whatever is dead or hangs is replaced, unless a person or the budget says no, or poison."""
        self.broker.answers = self.cluster.answers = True
        self.lines_arrive(1)
        verdict = None
        for _ in range(SETTLED_S):
            eye = rng.randrange(2)
            report = self.look(eye)
            self.act(eye, report)
            self.pass_time(1)
            verdict = report.verdict
            if self.landed or self.excused(verdict):
                return
        raise AssertionError(f"nothing landed in {SETTLED_S} s", verdict, self.stopped, self.paused, self.by_itself, self.told)

    @property
    def landed(self) -> bool:
        return numbers(self.head().frontier)[0] == self.end()

    def excused(self, verdict: Verdict | None) -> bool:
        if self.stopped or self.paused:
            return True
        if verdict is Verdict.CRASH_LOOPING:
            return len(self.by_itself) >= self.manager.specs[JOB].restart.budget
        return verdict is Verdict.POISONED and len(self.told) > 1 and self.told[-1] == self.told[-2]
