"""The triggers, without a triggerer: what they fire, what they survive, and that they can be stored and made again."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from airflow._shared.module_loading import import_string
from airflow.triggers.base import BaseTrigger, TaskSuccessEvent, TriggerEvent

from tests.dags.fleet import JOB, Fleet
from weir.airflow.triggers import session
from weir.airflow.triggers.ready import ReadyTrigger
from weir.airflow.triggers.restart_events import Telling
from weir.airflow.triggers.restart_pool import Hands
from weir.airflow.triggers.watch import Crew, WatchTrigger, due_after, sweep
from weir.errors import Conflict, NotRunning
from weir.ports.cluster import DriverState
from weir.supervise.judge.report import Report
from weir.supervise.manager import Manager


def run(scenario: Callable[[], Any]) -> Any:
    return asyncio.run(asyncio.wait_for(scenario(), 20))


async def first(trigger: BaseTrigger) -> TriggerEvent:
    events: AsyncIterator[TriggerEvent] = trigger.run()
    return await anext(events)


@pytest.mark.parametrize(("path", "trigger"), [("watch.WatchTrigger", WatchTrigger), ("ready.ReadyTrigger", ReadyTrigger)])
def test_what_the_release_before_has_deferred_is_found(path: str, trigger: type[BaseTrigger]) -> None:
    assert import_string(f"weir.triggers.{path}") is trigger


@pytest.mark.parametrize("trigger", [WatchTrigger(every_s=2.5), ReadyTrigger(job=JOB, deadline=12.5, every_s=0.5)])
def test_a_trigger_can_be_stored_and_made_again(trigger: BaseTrigger) -> None:
    path, arguments = trigger.serialize()
    assert import_string(path)(**arguments).serialize() == trigger.serialize()


# ready


def soon(seconds: float = 15.0) -> ReadyTrigger:
    return ReadyTrigger(job=JOB, deadline=time.time() + seconds, every_s=0.01)


def test_ready_ends_the_task_when_the_job_has_landed(fleet: Fleet) -> None:
    fleet.manager.deploy(JOB)

    async def scenario() -> TriggerEvent:
        waiting = asyncio.create_task(first(soon()))
        await asyncio.sleep(0)
        fleet.land()
        return await waiting

    event = run(scenario)
    assert isinstance(event, TaskSuccessEvent) and event.xcoms is not None
    assert event.xcoms["return_value"]["sentence"] == "error_counts is ready with attempt 1"  # type: ignore[index, call-overload]


def test_ready_tells_why_a_driver_ended(fleet: Fleet) -> None:
    fleet.manager.deploy(JOB)
    fleet.kill()
    event = run(lambda: first(soon()))
    assert not event.payload["ready"] and "has ended" in event.payload["sentence"]


def test_ready_goes_on_with_the_attempt_that_took_over(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    fleet.manager.deploy(JOB)
    asked: list[int] = []
    answer = fleet.manager.ready

    def ready(job: str, attempt: int) -> bool:
        asked.append(attempt)
        if len(asked) == 1:
            fleet.manager.restart(JOB)
            fleet.land()
        return answer(job, attempt)

    monkeypatch.setattr(fleet.manager, "ready", ready)
    event = run(lambda: first(soon()))
    assert asked == [1, 2] and isinstance(event, TaskSuccessEvent)


def test_ready_gives_up_at_its_deadline_with_the_verdict(fleet: Fleet) -> None:
    fleet.manager.deploy(JOB)
    event = run(lambda: first(soon(0.05)))
    assert not event.payload["ready"]
    assert event.payload["sentence"].startswith("error_counts was not ready in time. error_counts: attempt 1 was submitted")


def test_ready_outlives_a_look_that_fails(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    fleet.manager.deploy(JOB)
    fleet.land()
    failures = iter([OSError("reset"), TimeoutError("slow")])
    answer = fleet.manager.ready

    def ready(job: str, attempt: int) -> bool:
        for failure in failures:
            raise failure
        return answer(job, attempt)

    monkeypatch.setattr(fleet.manager, "ready", ready)
    assert isinstance(run(lambda: first(soon())), TaskSuccessEvent)
    assert len(fleet.opened) == 3  # a manager that failed is not asked again


# watch


def watch() -> WatchTrigger:
    return WatchTrigger(every_s=0.01)


@pytest.fixture
def quick(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every successor lands a batch as soon as it is submitted."""
    act = fleet.manager.act

    def landing(report: Report) -> Any:
        action = act(report)
        fleet.land(report.job)
        return action

    monkeypatch.setattr(fleet.manager, "act", landing)


@pytest.mark.usefixtures("quick")
def test_the_watch_restarts_a_dead_driver_and_tells(fleet: Fleet) -> None:
    fleet.add("two")
    fleet.manager.deploy(JOB)
    fleet.manager.deploy("two")
    fleet.kill("two")
    (acted,) = run(lambda: first(watch())).payload
    assert (acted["job"], acted["judged"], acted["attempt"]) == ("two", 1, 2)
    assert "has ended" in acted["reason"] and fleet.attempt() == 1
    assert len(fleet.opened) == 1


def test_the_watch_leaves_alone_what_it_cannot_see(fleet: Fleet) -> None:
    fleet.manager.deploy(JOB)
    fleet.land()
    fleet.cluster.answers = fleet.broker.answers = False
    assert quiet(fleet, passes=3)
    assert fleet.attempt() == 1 and len(fleet.cluster.submissions) == 1


@pytest.mark.usefixtures("quick")
def test_the_watch_outlives_a_store_that_is_away(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weir.airflow.triggers.watch.REST_S", 0.01)
    fleet.manager.deploy(JOB)
    fleet.kill()
    tries = iter([NotRunning("away"), RuntimeError("half up")])
    answer = fleet.open

    def opening(settings: Any, others: object = None) -> Manager:
        for failure in tries:
            raise failure
        return answer(settings)

    monkeypatch.setattr("weir.factory.manager", opening)
    assert run(lambda: first(watch())).payload[0]["attempt"] == 2


def test_a_restart_is_told_once_and_when_the_successor_counts(fleet: Fleet) -> None:
    fleet.manager.deploy(JOB)
    fleet.kill()
    crew = Crew(telling=Telling(within_s=60))
    assert [sweep(fleet.manager, crew, now) for now in (0, 1, 59)] == [[], [], []] and fleet.attempt() == 2
    fleet.land()
    (told,) = sweep(fleet.manager, crew, 59.5)
    assert (told["judged"], told["attempt"]) == (1, 2)
    assert sweep(fleet.manager, crew, 100) == []


def test_a_start_that_takes_long_is_told_of_in_the_end(fleet: Fleet) -> None:
    fleet.manager.deploy(JOB)
    fleet.kill()
    crew = Crew(telling=Telling(within_s=60))
    assert [sweep(fleet.manager, crew, now) for now in (0, 59)] == [[], []]
    assert [told["attempt"] for told in sweep(fleet.manager, crew, 60)] == [2]


def test_a_successor_that_dies_at_once_is_told_of_with_the_one_after_it(fleet: Fleet) -> None:
    fleet.manager.deploy(JOB)
    fleet.kill()
    crew = Crew(telling=Telling(within_s=60))
    assert sweep(fleet.manager, crew, 0) == []
    fleet.kill()
    assert [told["attempt"] for told in sweep(fleet.manager, crew, 1)] == [2]


@pytest.mark.usefixtures("quick")
def test_trouble_with_one_job_does_not_keep_the_watch_from_the_next(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    fleet.add("two")
    for job in (JOB, "two"):
        fleet.manager.deploy(job)
        fleet.kill(job)
    act = fleet.manager.act
    monkeypatch.setattr(fleet.manager, "act", lambda report: _refuse() if report.job == JOB else act(report))
    assert [acted["job"] for acted in run(lambda: first(watch())).payload] == ["two"]


def test_a_start_that_takes_long_holds_up_neither_the_others_nor_the_next_look(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    fleet.add("two")
    for job in (JOB, "two"):
        fleet.manager.deploy(job)
        fleet.kill(job)
    act, release, begun = fleet.manager.act, threading.Event(), []

    def slow(report: Report) -> Any:
        if report.job == JOB:
            begun.append(report.attempt)
            release.wait(20)
        return act(report)

    monkeypatch.setattr(fleet.manager, "act", slow)
    crew = Crew(Hands(wait_s=0.05), Telling(within_s=0))
    passes = [sweep(fleet.manager, crew, 0) for _ in range(3)]
    while "two" not in [acted["job"] for done in passes for acted in done]:
        passes.append(sweep(fleet.manager, crew, 0))
    assert begun == [1], "it is begun once, however many passes see it"
    release.set()
    while JOB not in [acted["job"] for done in passes for acted in done]:
        passes.append(sweep(fleet.manager, crew, 0))
    assert fleet.attempt(JOB) == fleet.attempt("two") == 2


def test_a_manager_that_is_closed_stays_open_for_the_hands_that_use_it(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """A driver was submitted, and its submission could not be noted: it was taken for dead, and replaced."""
    fleet.manager.deploy(JOB)
    fleet.kill(JOB)
    act, go_on, closed = fleet.manager.act, threading.Event(), threading.Event()
    monkeypatch.setattr(fleet.manager.store, "close", closed.set)
    monkeypatch.setattr(fleet.manager, "act", lambda report: act(report) if go_on.wait(20) else None)
    crew = Crew(Hands(wait_s=0.05), Telling(within_s=0))
    sweep(fleet.manager, crew, 0)
    Manager.close(fleet.manager)
    assert not closed.is_set()
    go_on.set()
    assert closed.wait(20) and fleet.attempt(JOB) == 2


def _refuse() -> None:
    raise Conflict("somebody else did")


def test_the_watch_ends_only_when_it_is_cancelled_and_touches_no_driver(fleet: Fleet) -> None:
    fleet.manager.deploy(JOB)
    assert quiet(fleet, passes=2)
    assert fleet.cluster.killed == [] and fleet.cluster.states["driver-1"] is DriverState.RUNNING


def quiet(fleet: Fleet, passes: int) -> bool:
    """Let the watch look so many times, then cancel it. True if it fired nothing."""
    looked = asyncio.Event()
    left = iter(range(passes - 1))
    tick = fleet.manager.tick

    async def scenario() -> bool:
        loop = asyncio.get_running_loop()

        def counted() -> Any:
            reports = tick()
            if next(left, None) is None:
                loop.call_soon_threadsafe(looked.set)
            return reports

        fleet.manager.tick = counted  # type: ignore[method-assign]
        watching = asyncio.create_task(first(watch()))
        await looked.wait()
        watching.cancel()
        return (await asyncio.gather(watching, return_exceptions=True))[0].__class__ is asyncio.CancelledError

    return bool(run(scenario))


def test_a_call_that_hangs_is_given_up_and_the_next_one_gets_a_new_manager(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    async def scenario() -> int:
        loop = asyncio.get_running_loop()
        real, later = loop.time, [0.0]
        monkeypatch.setattr(loop, "time", lambda: real() + later[0])

        def hangs(manager: Manager) -> None:
            later[0] = 10.0  # the budget is over now that the call hangs, however long opening the manager took
            loop.call_soon_threadsafe(lambda: None)
            release.wait(10)

        with pytest.raises(TimeoutError):
            await session.ask(hangs, budget_s=10)
        answer = await session.ask(lambda manager: 7)
        release.set()
        return answer

    assert run(scenario) == 7 and len(fleet.opened) == 2


@pytest.fixture
def specs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "jobs/one").mkdir(parents=True)
    monkeypatch.setenv("WEIR_JOBS", str(tmp_path / "jobs"))
    file = tmp_path / "jobs/one/job.yaml"
    file.write_text("name: one")
    return file


def asked_after(change: Callable[[], object]) -> int:
    """Ask, change something, ask again."""

    async def scenario() -> int:
        await session.ask(lambda manager: 1)
        change()
        return await session.ask(lambda manager: 2)

    return int(run(scenario))


def test_changed_specs_are_seen_without_a_restart(fleet: Fleet, specs: Path) -> None:
    assert asked_after(lambda: os.utime(specs, ns=(1, 1))) == 2 and len(fleet.opened) == 2


@pytest.mark.parametrize(("took", "due"), [(0.001, 0.3), (0.06, 0.3), (0.1, 0.5), (0.2, 1.0), (30.0, 1.0)])
def test_short_passes_come_sooner(took: float, due: float) -> None:
    assert due_after(took, 1.0) == due
