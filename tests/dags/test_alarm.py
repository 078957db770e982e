"""What the watch alerts of by itself, without a scheduler."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import wait
from pathlib import Path

import pytest

from tests.dags.fleet import JOB, Fleet
from weir.airflow.triggers.alert_pool import AGAIN_S, LASTS_MS, Alarm
from weir.alerts.sink import message_of
from weir.errors import NotRunning
from weir.supervise.judge.report import Report, Verdict
from weir.supervise.manager import Manager


class Bench:
    """An alarm whose passes answer what a test says; `told` has the jobs that passes were made over."""

    def __init__(self, fleet: Fleet) -> None:
        self.manager, self.told, self.answer = fleet.manager, list[str](), lambda: 0
        self.alarm: Alarm = Alarm(self._alert)

    answer: Callable[[], int]

    def _alert(self, manager: Manager, job: str) -> int:
        assert manager is self.manager
        self.told.append(job)
        return self.answer()

    def see(self, verdict: Verdict, now: float = 0.0, for_ms: int = 0, job: str = "a") -> list[str]:
        """One pass of the watch; which jobs were told of since the test began, once all that was begun is done."""
        self.alarm.attend(self.manager, [Report(job, verdict, 1, 1_000_000, "", at=1_000_000 + for_ms)], now)
        wait(self.alarm._busy.values(), 10)
        return self.told


@pytest.fixture
def bench(fleet: Fleet) -> Bench:
    return Bench(fleet)


@pytest.mark.parametrize("verdict", [Verdict.POISONED, Verdict.CRASH_LOOPING, Verdict.DIVERGED, Verdict.DATA_LOSS])
def test_what_needs_a_person_is_told_at_once_and_once(bench: Bench, verdict: Verdict) -> None:
    assert bench.see(verdict) == ["a"]
    assert bench.see(verdict, now=100, for_ms=10 * LASTS_MS) == ["a"]


@pytest.mark.parametrize("verdict", [Verdict.DOWN, Verdict.STALLED])
def test_what_weir_mends_is_told_when_it_lasts(bench: Bench, verdict: Verdict) -> None:
    assert bench.see(verdict) == bench.see(verdict, for_ms=LASTS_MS) == []
    assert bench.see(Verdict.OK) == [], "there was nothing to take back"
    assert bench.see(verdict, for_ms=LASTS_MS + 1) == ["a"]
    assert bench.see(Verdict.STARTING) == ["a"], "starting is not well yet"
    assert bench.see(Verdict.OK) == ["a", "a"] and bench.see(Verdict.OK) == ["a", "a"]


def test_messages_that_wait_are_tried_again_until_they_are_delivered(bench: Bench) -> None:
    bench.answer = lambda: 1
    assert bench.see(Verdict.POISONED) == ["a"]
    assert bench.see(Verdict.POISONED, now=1) == bench.see(Verdict.POISONED, now=AGAIN_S) == ["a"]
    bench.answer = lambda: 0
    assert bench.see(Verdict.POISONED, now=1 + AGAIN_S) == ["a", "a"]
    assert bench.see(Verdict.POISONED, now=2 + AGAIN_S) == bench.see(Verdict.POISONED, now=10 * AGAIN_S) == ["a", "a"]


def test_a_pass_that_fails_is_made_again(bench: Bench) -> None:
    def away() -> int:
        raise NotRunning("the store is away")

    bench.answer = away
    bench.see(Verdict.POISONED)
    bench.answer = lambda: 0
    assert bench.see(Verdict.POISONED, now=1) == ["a"]
    assert bench.see(Verdict.POISONED, now=1 + AGAIN_S) == ["a", "a"]


def test_what_is_new_while_a_pass_is_at_work_has_one_of_its_own(bench: Bench) -> None:
    release = threading.Event()
    bench.answer = lambda: release.wait(10) and 0
    bench.alarm.attend(bench.manager, [Report("a", Verdict.POISONED, 1, 0, "")], 0)
    bench.alarm.attend(bench.manager, [Report("a", Verdict.OK, 1, 0, "")], 1)
    release.set()
    wait(bench.alarm._busy.values(), 10)
    assert bench.told == ["a"]
    assert bench.see(Verdict.OK, now=2) == ["a", "a"]


def test_the_message_arrives_by_the_real_pass(fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weir.factory.source_of", lambda _: fleet.broker)
    monkeypatch.setattr("weir.airflow.alerting.time.time", fleet.clock)
    monkeypatch.setenv("WEIR_RULES", str(tmp_path))
    fleet.manager.deploy(JOB)
    fleet.land()
    fleet.broker.fill("logs", 0, 5)
    fleet.broker.forget("logs", 0, 3)
    alarm, reports = Alarm(), fleet.manager.tick()
    alarm.attend(fleet.manager, reports, 0)
    wait(alarm._busy.values(), 10)
    assert [message_of(m).title.split(":")[0] for m in fleet.store.mails(JOB)] == [f"[critical] {JOB}"], [r.sentence for r in reports]
