"""When a version is taken back, as a table of examples; and that it is, over the in-memory parts."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from spark_jobs.protocol.head import taken_over
from spark_jobs.protocol.partition import Partition, of_source
from spark_jobs.runtime.contract import PROVEN
from weir.airflow.triggers.ready import look
from weir.errors import Conflict
from weir.jobs.spec import Health
from weir.ports.attempts import AttemptRow
from weir.ports.cluster import DriverState
from weir.ports.jobs import JobRow, VersionRow
from weir.supervise.judge.observation import Observation
from weir.supervise.judge.rollback import Fate, rule

from .bench import JOB, Bench
from .test_verdict import NOW, WANTED, head_at

at = partial(of_source, "topic-a")  # offsets by partition

HEALTH = Health(ready_within=120, stalled_after=60)
OLD, NEW = VersionRow("old", NOW - 900_000, "{}", good=True), VersionRow("new", NOW - 121_000, "{}")
BEFORE = AttemptRow(1, "deploy", "ana", "", NOW - 900_000, "old", "driver-1", NOW - 900_000, "i1", epoch=1, first_batch=0)
ROW = AttemptRow(2, "deploy", "ana", "", NOW - 121_000, "new", "driver-2", NOW - 121_000)
WAITS = taken_over(head_at(100))  # attempt 2 has not begun
BEGUN = replace(WAITS, incarnation="i2")
BASE = Observation(NOW, replace(WANTED, version="new"), WAITS, (ROW, BEFORE), DriverState.RUNNING, at({0: 150}), at({0: 0}), "topic-a")
FAILED = replace(ROW, incarnation="i2", exit_reason="failed", exit_error="KeyError: 'x'\n  at line 3")
NO_STATE = replace(ROW, incarnation="i2", exit_reason="state_lost", exit_error="STREAMING_STATEFUL_OPERATOR_MISSING_STATE_DIRECTORY")
SINK = replace(ROW, incarnation="i2", exit_reason="sink_differs", exit_error="SinkAhead: WEIR-321")
STARVED = replace(ROW, exit_reason="out_of_memory", exit_error="Java heap space")
AGAIN = replace(ROW, attempt=3, cause="restart", who="weir", submission_id="driver-3", submitted_at=NOW - 5_000)
THIRD = taken_over(WAITS)
DIED = replace(BASE, head=THIRD, attempts=(AGAIN, ROW, BEFORE), driver=DriverState.FAILED)
WANTED_STOPPED = JobRow("counts", 2, "stopped", "new", "{}", "ana", "", NOW)

EARLY = {  # before the time is over
    "it failed by its own error": (replace(BASE, attempts=(FAILED, BEFORE)), Fate.ROLL_BACK, "KeyError: 'x'"),
    "it failed, and the cluster has not noticed": (
        replace(BASE, attempts=(FAILED, BEFORE), driver=DriverState.UNKNOWN),
        Fate.ROLL_BACK,
        "Key",
    ),
    "it keeps state, and the job had none": (replace(BASE, attempts=(NO_STATE, BEFORE)), Fate.ROLL_BACK, "MISSING_STATE_DIRECTORY"),
    "the job has lost its state": (
        replace(BASE, head=replace(WAITS, stateful=True), attempts=(NO_STATE, BEFORE), driver=DriverState.FAILED),
        Fate.LEAVE,
        "ended as state_lost",
    ),
    "the sink was restored": (replace(BASE, attempts=(SINK, BEFORE), driver=DriverState.FAILED), Fate.LEAVE, "WEIR-321"),
    "it ended without a word, once": (replace(BASE, driver=DriverState.FAILED), Fate.WAIT, "killed or lost"),
    "it ended without a word, twice": (DIED, Fate.ROLL_BACK, "2 drivers in a row"),
    "it took too much memory before it had begun": (
        replace(BASE, attempts=(STARVED, BEFORE), driver=DriverState.OUT_OF_MEMORY),
        Fate.ROLL_BACK,
        "attempt 2 ran out of memory",
    ),
    "it took too much memory once it had begun": (
        replace(BASE, head=BEGUN, attempts=(replace(STARVED, incarnation="i2"), BEFORE), driver=DriverState.OUT_OF_MEMORY),
        Fate.WAIT,
        "killed or lost",
    ),
    "and again with more": (
        replace(
            DIED,
            attempts=(replace(STARVED, attempt=3, cause="restart", incarnation="i3"), replace(STARVED, incarnation="i2"), BEFORE),
            driver=DriverState.OUT_OF_MEMORY,
        ),
        Fate.ROLL_BACK,
        "attempt 3 ran out of memory",
    ),
    "twice, but the last one was killed": (replace(DIED, driver=DriverState.KILLED), Fate.WAIT, "killed"),
    "twice, but the last one's worker was lost": (replace(DIED, driver=DriverState.LOST), Fate.WAIT, "lost"),
    "the last one had begun": (replace(DIED, head=replace(THIRD, incarnation="i3")), Fate.WAIT, "killed or lost"),
    "it is alive": (BASE, Fate.WAIT, "may still"),
    "it failed, and the watch was quicker": (
        replace(DIED, attempts=(AGAIN, FAILED, BEFORE), driver=DriverState.RUNNING),
        Fate.ROLL_BACK,
        "attempt 2 failed: KeyError",
    ),
    "it failed another time, and was deployed again": (
        replace(BASE, head=THIRD, attempts=(replace(AGAIN, cause="deploy"), FAILED, BEFORE)),
        Fate.WAIT,
        "may still",
    ),
    "its executor went away": (replace(BASE, attempts=(replace(FAILED, exit_reason="lost"), BEFORE)), Fate.LEAVE, "as lost"),
    "checkpoint and ledger disagree": (replace(BASE, attempts=(replace(FAILED, exit_reason="diverged"), BEFORE)), Fate.LEAVE, "diverged"),
    "the cluster did not take it": (replace(BASE, attempts=(replace(ROW, submission_id=""), BEFORE)), Fate.WAIT, "has not accepted"),
    "lines are lost": (replace(BASE, attempts=(FAILED, BEFORE), earliest_offsets=at({0: 120})), Fate.LEAVE, "lost"),
    "the topic was made again": (replace(BASE, attempts=(FAILED, BEFORE), topic_id="topic-b"), Fate.LEAVE, "lost"),
    "a person has stopped it": (replace(BASE, attempts=(FAILED, BEFORE), wanted=WANTED_STOPPED), Fate.LEAVE, "should not run"),
}
LATE = {  # when it had to be ready
    "it has not begun": (BASE, Fate.ROLL_BACK, "has not begun"),
    "it has landed nothing": (replace(BASE, head=BEGUN), Fate.ROLL_BACK, "50 lines wait"),
    "it took too much memory once it had begun": (
        replace(BASE, head=BEGUN, attempts=(replace(STARVED, incarnation="i2"), BEFORE), driver=DriverState.FAILED),
        Fate.ROLL_BACK,
        "ran out of memory",
    ),
    "it has read nothing, and nothing waits": (replace(BASE, head=BEGUN, end_offsets=at({0: 100})), Fate.LEAVE, "read nothing yet"),
    "it has rehearsed, and nothing waits": (
        replace(BASE, head=BEGUN, end_offsets=at({0: 100}), attempts=(replace(BASE.attempts[0], proof=PROVEN), *BASE.attempts[1:])),
        Fate.LEAVE,
        "counted everything",
    ),
    "the broker is away": (replace(BASE, head=BEGUN, end_offsets=None), Fate.LEAVE, "does not answer"),
    "the master is away": (replace(BASE, driver=DriverState.UNKNOWN), Fate.LEAVE, "does not answer"),
    "it has no worker": (replace(BASE, driver=DriverState.SUBMITTED), Fate.LEAVE, "does not say why"),
    "it ended without a word, once": (replace(BASE, driver=DriverState.FAILED), Fate.LEAVE, "unknown whether"),
    "the watch has just started another": (replace(DIED, driver=DriverState.RUNNING), Fate.LEAVE, "unknown whether"),
}


@pytest.mark.parametrize(("name", "late"), [*((name, False) for name in EARLY), *((name, True) for name in LATE)])
def test_a_version_is_taken_back_only_for_its_own_fault(name: str, late: bool) -> None:
    seen, fate, words = (LATE if late else EARLY)[name]
    ruling = rule(seen, [NEW, OLD], HEALTH, 0, late)
    assert (ruling.fate, words in ruling.why) == (fate, True), ruling
    assert ruling.to == (OLD if fate is Fate.ROLL_BACK else None)


def test_an_outage_that_has_just_ended_is_no_fault() -> None:
    seen = replace(BASE, head=BEGUN)
    assert rule(seen, [NEW, OLD], HEALTH, NOW - 20_000, late=True).fate is Fate.LEAVE
    assert rule(seen, [NEW, OLD], HEALTH, NOW - 61_000, late=True).fate is Fate.ROLL_BACK


def test_a_version_that_has_worked_before_is_not_to_blame() -> None:
    assert rule(BASE, [replace(NEW, good=True), OLD], HEALTH, 0, late=True).fate is Fate.LEAVE


@pytest.mark.parametrize("there", [[NEW], [NEW, replace(OLD, good=False)], []])
def test_there_must_be_a_good_version_to_go_back_to(there: list[VersionRow]) -> None:
    assert rule(BASE, there, HEALTH, 0, late=True).fate is Fate.LEAVE


def test_the_last_good_version_is_gone_back_to() -> None:
    older = replace(OLD, version="older", deployed_at=NOW - 9_000_000)
    assert rule(BASE, [NEW, replace(OLD, version="bad", good=False), OLD, older], HEALTH, 0, late=True).to == OLD


# over the parts


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Attempt 1 has landed a batch; attempt 2 runs a new version and has not begun."""
    bench = Bench(tmp_path)
    bench.manager.deploy(JOB)
    bench.land(bench.writer("driver-1"), 0, 0, 10)
    deploy_another(bench, 5.0)
    return bench


def deploy_another(bench: Bench, trigger: float) -> None:
    bench.clock.sleep(1)
    bench.manager.specs[JOB] = bench.manager.specs[JOB].model_copy(update={"trigger": trigger})
    bench.manager.deploy(JOB, "ana")


def test_a_version_that_fails_is_replaced_by_the_last_good_one_from_the_same_checkpoint(bench: Bench) -> None:
    good = bench.arguments("driver-1").version
    assert bench.manager.roll_back(JOB, late=False) is None
    bench.store.put_exit(JOB, 2, "i2", "failed", "KeyError: 'x'", 1)
    action = bench.manager.roll_back(JOB, late=False)
    assert action is not None and f"to {good}, as attempt 3: the driver of attempt 2 failed: KeyError: 'x'" in action.sentence
    args, wanted = bench.arguments("driver-3"), bench.store.job(JOB)
    assert (args.version, args.epoch, args.trigger_s) == (good, 1, 1.0)
    assert wanted is not None and (wanted.version, wanted.changed_by) == (good, "weir") and "was rolled back" in wanted.reason
    assert "rollback" in [event.kind for event in bench.store.events(JOB)] and bench.cluster.alive == ["driver-3"]
    bench.land(bench.writer("driver-3"), 1, 10, 20)
    assert bench.head().frontier[Partition("topic-1", 0)] == 20
    assert bench.manager.roll_back(JOB, late=True) is None, "once"


def test_the_watch_takes_back_what_was_deployed_by_somebody_who_does_not_wait(bench: Bench) -> None:
    good = bench.arguments("driver-1").version
    bench.store.put_exit(JOB, 2, "i2", "failed", "KeyError: 'x'", 1)
    bench.cluster.states["driver-2"] = DriverState.FAILED
    action = bench.manager.act(bench.manager.health(JOB))
    assert action is not None and "was rolled back" in action.sentence and bench.arguments("driver-3").version == good
    assert "was rolled back: the driver of attempt 2 failed" in bench.manager.taken_back(JOB)
    assert look(bench.manager, JOB, 3, roll_back=True).waiting
    bench.land(bench.writer("driver-3"), 1, 10, 20)
    answer = look(bench.manager, JOB, 3, roll_back=True)
    assert not answer.ready and not answer.waiting and "was rolled back" in answer.sentence
    deploy_another(bench, 7.0)
    assert bench.manager.taken_back(JOB) == ""


def test_the_watch_takes_back_what_hangs_from_its_start_on(bench: Bench) -> None:
    for _ in range(130):
        bench.clock.sleep(1)
        report = bench.manager.health(JOB)
    action = bench.manager.act(report)
    assert action is not None and "has not begun" in action.sentence and "was rolled back" in action.sentence


def test_the_watch_starts_a_good_version_again_whatever_ends_it(bench: Bench) -> None:
    bench.land(bench.writer("driver-2"), 1, 10, 20)
    bench.store.put_exit(JOB, 2, "i2", "failed", "KeyError: 'x'", 2)
    bench.cluster.states["driver-2"] = DriverState.FAILED
    assert bench.manager.act(bench.manager.health(JOB)) and bench.arguments("driver-3").trigger_s == 5.0


def test_a_version_that_does_not_begin_in_time_is_taken_back(bench: Bench) -> None:
    bench.clock.sleep(125)
    action = bench.manager.roll_back(JOB, late=True)
    assert action is not None and "has not begun" in action.sentence


def test_a_version_that_became_ready_is_kept(bench: Bench) -> None:
    bench.land(bench.writer("driver-2"), 1, 10, 20)
    bench.clock.sleep(125)
    bench.cluster.states["driver-2"] = DriverState.FAILED
    assert bench.manager.roll_back(JOB, late=True) is None


def test_who_polled_and_found_nothing_is_good_too(bench: Bench) -> None:
    bench.writer("driver-2")
    bench.prove(2)
    assert bench.manager.ready(JOB, 2)
    assert [row.good for row in bench.manager.versions(JOB)] == [True, True]


def test_a_broker_that_is_away_takes_nothing_back(bench: Bench) -> None:
    bench.writer("driver-2")
    bench.fill(0, 50)
    bench.clock.sleep(125)
    bench.broker.answers = False
    assert bench.manager.roll_back(JOB, late=True) is None
    assert bench.cluster.alive == ["driver-2"]


def test_a_person_who_deploys_meanwhile_wins(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.store.put_exit(JOB, 2, "i2", "failed", "KeyError: 'x'", 1)
    set_job, once = bench.store.set_job, iter([lambda: deploy_another(bench, 7.0)])
    monkeypatch.setattr(bench.store, "set_job", lambda *rows: (next(once, lambda: None)(), set_job(*rows))[1])
    with pytest.raises(Conflict):
        bench.manager.roll_back(JOB, late=False)
    assert bench.arguments(bench.cluster.alive[0]).trigger_s == 7.0
