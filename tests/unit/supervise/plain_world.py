"""A world for plain jobs in which anything may happen at any moment: supervisors that are killed or overtaken in the middle of a start,
answers that get lost, workers that vanish with a driver that lives on, people, and an operator who tells the truth."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from spark_jobs import failpoint
from spark_jobs.protocol.head import Head
from tests.unit.supervise.plain_bench import JOB, OUTAGE, TRACEBACK, PlainBench
from weir.errors import NotRunning, WeirError
from weir.ports.cluster import DriverState, Submission
from weir.supervise.judge.report import Report
from weir.supervise.judge.unfenced import CONFIRM_AFTER_MS
from weir.supervise.manager import Manager
from weir.testing import MemoryCluster

ENDS = (DriverState.FAILED, DriverState.KILLED, DriverState.FINISHED)
DEPTH = 2  # of those who act in the middle of what another one does


class Killed(BaseException):
    """A supervisor is killed."""


class TrueCluster(MemoryCluster):
    """Knows who really lives, which is not always what it says."""

    def __init__(self, meanwhile: Callable[[], None]) -> None:
        super().__init__()
        self.living: set[str] = set()
        self.hung: set[str] = set()
        self.most = 0
        self.loses_answer = False
        self._meanwhile = meanwhile

    def submit(self, submission: Submission) -> str:
        self._meanwhile()
        one = super().submit(submission)
        self.living.add(one)
        self.most = max(self.most, len(self.living))
        if self.loses_answer:
            self.loses_answer = False
            raise NotRunning("The answer was lost.")
        return one

    def kill(self, submission_id: str) -> None:
        if not self.answers or self.states[submission_id].ended:
            return
        self.living.discard(submission_id)
        super().kill(submission_id)

    def die(self, one: str, state: DriverState, printed: str = "") -> None:
        """A driver ends; one that the cluster had lost before stays lost."""
        self.living.discard(one)
        if not self.states[one].ended:
            self.states[one], self.printed[one] = state, printed


class World(PlainBench):
    def __init__(self, folder: Path, seed: int) -> None:
        super().__init__(folder)
        self.r, self.depth, self.armed = random.Random(seed), 0, ""
        self.truth = self.cluster = TrueCluster(self.meanwhile)
        self.parts = replace(self.parts, clusters={"standalone": self.truth}, sleep=self.sleep)
        self.eyes: list[Manager] = [self.another() for _ in range(2)]
        self.manager = self.eyes[0]
        self.sights: list[Report] = []
        self.batch = 0
        self.backup: Head | None = None

    # time, and what happens meanwhile

    def sleep(self, seconds: float) -> None:
        self.clock.sleep(seconds)
        self.work()
        self.meanwhile()

    def reach(self, point: str) -> None:
        """Stands in for fail-points: who gets there is killed, or others act before it goes on."""
        if self.armed == point:
            self.armed = ""
            raise Killed(point)
        self.meanwhile()

    def meanwhile(self) -> None:
        if self.depth < DEPTH and self.r.random() < 0.15:
            self.depth += 1
            try:
                self.step()
            finally:
                self.depth -= 1

    def work(self) -> None:
        """A driver that lives and does not hang commits what there is."""
        end = self.broker.end_offsets("logs")[0]
        if self.truth.living - self.truth.hung and self.store.head(JOB):
            self.commit(self.batch, end)
            self.batch += 1

    # what may happen

    def step(self) -> None:
        happens = self.r.choices(
            (self.look, self.act_on_any, self.deploy_other, self.restart, self.stop, self.driver_dies, self.worker_lost),
            (30, 25, 4, 4, 3, 8, 5),
        )[0]
        others = (self.time_passes, self.lines, self.cluster_blinks, self.operator, self.arm, self.answer_lost, self.hangs, self.restored)
        if self.r.random() < 0.5:
            happens = self.r.choices(others, (30, 15, 6, 14, 5, 2, 4, 2))[0]
        with contextlib.suppress(WeirError):
            happens()

    def look(self, after_s: float = 0.0) -> Report:
        report = self.r.choice(self.eyes).health(JOB)
        self.sights = [*self.sights[-5:], report]
        return report

    def act_on_any(self) -> None:
        if self.sights:
            self.r.choice(self.eyes).act(self.r.choice([self.sights[-1], self.r.choice(self.sights)]))

    def deploy_other(self) -> None:
        self.r.choice(self.eyes).deploy(JOB, "ana", "why")

    def restart(self) -> None:
        self.r.choice(self.eyes).restart(JOB, None, "ana", "why")

    def stop(self) -> None:
        self.r.choice(self.eyes).stop(JOB, "ana", "why")

    def driver_dies(self) -> None:
        for one in sorted(self.truth.living):
            self.truth.die(one, self.r.choice(ENDS), self.r.choice(("", TRACEBACK, OUTAGE)))

    def worker_lost(self) -> None:
        for one in sorted(self.truth.living):
            self.truth.states[one] = DriverState.LOST

    def time_passes(self) -> None:
        for _ in range(self.r.choice((1, 3, 10))):
            self.clock.sleep(self.r.choice((1, 5, 60)))
            self.work()

    def lines(self) -> None:
        self.lines_arrive(self.r.randrange(1, 5))

    def cluster_blinks(self) -> None:
        self.truth.answers = self.r.random() < 0.75

    def hangs(self) -> None:
        self.truth.hung |= self.truth.living

    def arm(self) -> None:
        self.armed = self.r.choice(failpoint.TAKEOVER)

    def answer_lost(self) -> None:
        self.truth.loses_answer = True

    def restored(self) -> None:
        """The head comes back from a backup, or one is made. A submission that was not noted would be forgotten for good."""
        if self.backup and self.depth == 0 and (not self.head.incarnation or self.row.used):
            self.with_head(self.backup)
        self.backup = None if self.backup else self.head

    def operator(self) -> None:
        """Confirms only what is true: nothing lives now."""
        if not self.truth.living:
            self.r.choice(self.eyes).confirm_ended(JOB, self.head.attempt, "ben", "I have looked")

    # a whole life

    def play(self, steps: int) -> None:
        with contextlib.suppress(WeirError, Killed):
            self.deploy()
        for _ in range(steps):
            with contextlib.suppress(Killed):
                self.step()

    def settle(self) -> None:
        """All answer, what lives ends, and an operator looks: a driver can be started."""
        self.depth, self.armed, self.truth.answers, self.truth.loses_answer = DEPTH, "", True, False
        self.driver_dies()
        if self.backup is None:  # the head may be an old one: who acts first finds that out
            with contextlib.suppress(WeirError):
                self.manager.stop(JOB, "ana", "why")
        self.clock.sleep(CONFIRM_AFTER_MS / 1000 + 60)
        with contextlib.suppress(WeirError):
            self.operator()
        if self.store.job(JOB).desired == "stopped":  # type: ignore[union-attr]
            self.manager.deploy(JOB, "ana", "why")
        else:
            self.manager.restart(JOB, None, "ana", "why")
        assert len(self.truth.living) == 1
