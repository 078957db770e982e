"""The manager over the in-memory parts: what it starts, what it leaves alone, and what a crash in the middle leaves behind."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from spark_jobs.protocol.head import Head
from spark_jobs.protocol.partition import Partition, of_source
from spark_jobs.protocol.writer import Superseded
from spark_jobs.runtime.contract import TRYING
from tests.unit.supervise.bench import JOB, Bench
from weir.airflow.triggers.ready import look
from weir.errors import Conflict, DriverEnded, NotRunning, UnknownJob
from weir.jobs.specs import Specs, with_deployed
from weir.ports.attempts import AttemptRow
from weir.ports.cluster import DriverState, Submission
from weir.ports.reports import JobSnapshot
from weir.supervise.act.deployer import LAND_WITHIN_S
from weir.supervise.act.stopper import STOP_WITHIN_S
from weir.supervise.judge.report import Report, Verdict
from weir.supervise.manager import ActionResult

at = partial(of_source, "topic-1")  # offsets by partition


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_deploy_starts_one_driver_and_the_next_one_changes_nothing(bench: Bench) -> None:
    first = bench.manager.deploy(JOB, "ana", "first")
    again = bench.manager.deploy(JOB, "ana", "again")
    assert (first.changed, first.attempt, again.changed, again.attempt) == (True, 1, False, 1)
    assert bench.cluster.alive == ["driver-1"]


def test_what_is_submitted_names_the_deployed_code(bench: Bench) -> None:
    bench.manager.deploy(JOB)
    submitted, args = bench.cluster.submissions["driver-1"], bench.arguments("driver-1")
    assert Path(submitted.application).is_file() and args.version in submitted.application
    assert (args.job, args.attempt, args.epoch, dict(args.starting_offsets)) == (JOB, 1, 1, {0: 0, 1: 0})


def test_a_changed_spec_is_a_new_attempt(bench: Bench) -> None:
    bench.manager.deploy(JOB)
    bench.manager.specs[JOB] = bench.manager.specs[JOB].model_copy(update={"trigger": 5.0})
    assert bench.manager.deploy(JOB).attempt == 2
    assert bench.cluster.alive == ["driver-2"]


@pytest.mark.parametrize("willing", [True, False])
def test_a_deploy_lets_a_driver_that_is_well_land_its_batch_first_but_not_for_ever(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, willing: bool
) -> None:
    def work(seconds: float) -> None:
        bench.clock.sleep(seconds)
        if willing and bench.clock() > asked + 3:
            bench.land(writer, 1, 10, 20)

    bench.manager.deploy(JOB)
    writer = bench.writer("driver-1")
    bench.land(writer, 0, 0, 10)
    bench.fill(0, 20)
    asked = bench.clock()
    bench.manager = bench.another(sleep=work)
    bench.manager.specs[JOB] = bench.manager.specs[JOB].model_copy(update={"trigger": 5.0})
    assert bench.manager.deploy(JOB).attempt == 2
    landed, waited = (20, 3.2) if willing else (10, LAND_WITHIN_S)
    assert (bench.head().frontier[Partition("topic-1", 0)], bench.clock() - asked) == (landed, pytest.approx(waited, abs=0.5))
    assert bench.cluster.alive == ["driver-2"]


def test_a_deploy_does_not_wait_for_a_driver_that_is_dead_or_has_nothing_to_land(bench: Bench) -> None:
    bench.manager.deploy(JOB)
    bench.land(bench.writer("driver-1"), 0, 0, 10)
    bench.clock.sleep(1)
    began = bench.clock()
    bench.manager.specs[JOB] = bench.manager.specs[JOB].model_copy(update={"trigger": 5.0})
    assert bench.manager.deploy(JOB).changed and bench.clock() == began, "it has nothing to land"
    bench.land(bench.writer("driver-2"), 1, 10, 20)
    bench.fill(0, 30)
    assert bench.manager.health(JOB).verdict is Verdict.OK, "as well as one can be"
    bench.cluster.states["driver-2"] = DriverState.FAILED
    bench.manager.specs[JOB] = bench.manager.specs[JOB].model_copy(update={"trigger": 6.0})
    assert bench.manager.deploy(JOB).changed and bench.clock() == began, "it is dead"


@pytest.mark.parametrize("stopped", [True, False])
def test_who_waits_for_a_batch_does_not_replace_what_somebody_else_deployed_meanwhile(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, stopped: bool
) -> None:
    """A hundred deploys of a stopped job started two drivers."""
    bench.manager.deploy(JOB)
    if stopped:
        bench.manager.stop(JOB)
    bench.manager.specs[JOB] = bench.manager.specs[JOB].model_copy(update={"trigger": 5.0})
    quick, once = bench.another(), iter([lambda: quick.deploy(JOB, "eva")])
    look = bench.store.snapshots
    monkeypatch.setattr(bench.store, "snapshots", lambda *asked: (next(once, lambda: None)(), look(*asked))[1])  # before it waits
    before = bench.head().attempt
    assert not bench.manager.deploy(JOB, "ana").changed
    assert bench.head().attempt == before + 1 and len(bench.cluster.alive) == 1


def test_a_deploy_that_failed_halfway_is_done_by_its_retry(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is wanted was noted, and the store hiccuped before the next attempt took over: the retry said that it ran already."""
    bench.manager.deploy(JOB)
    bench.writer("driver-1")
    bench.manager.specs[JOB] = bench.manager.specs[JOB].model_copy(update={"trigger": 5.0})
    with monkeypatch.context() as away, pytest.raises(NotRunning):

        def hiccup(*args: object) -> None:
            raise NotRunning("the store did not answer")

        away.setattr(bench.store, "put_attempt", hiccup)
        bench.manager.deploy(JOB)
    again = bench.manager.deploy(JOB)
    assert (again.changed, again.attempt, bench.cluster.alive) == (True, 2, ["driver-2"])
    assert not bench.manager.deploy(JOB).changed


def test_the_row_of_an_attempt_is_that_of_whoever_won_it(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.manager.deploy(JOB)
    swap = bench.store.swap

    def after_another_has_noted_itself(expected: Head, new: Head) -> bool:
        bench.store.put_attempt(JOB, AttemptRow(2, "restart", "weir", "", 1, "another version"))
        return swap(expected, new)

    monkeypatch.setattr(bench.store, "swap", after_another_has_noted_itself)
    bench.manager.restart(JOB, 1, "ana", "why")
    row = bench.store.attempts(JOB)[0]
    assert (row.attempt, row.who, row.version) == (2, "ana", bench.arguments("driver-2").version)


def test_an_unknown_job_is_refused_with_the_ones_there_are(bench: Bench) -> None:
    with pytest.raises(UnknownJob, match="error_counts"):
        bench.manager.deploy("eror_counts")


def test_a_dead_driver_is_restarted_once_however_many_see_it(bench: Bench) -> None:
    bench.manager.deploy(JOB)
    bench.cluster.states["driver-1"] = DriverState.FAILED
    reports = [bench.manager.health(JOB) for _ in range(5)]
    actions = [bench.manager.act(r) for r in reports]
    assert [a is not None for a in actions] == [True, False, False, False, False]
    assert bench.cluster.alive == ["driver-2"]
    assert bench.manager.health(JOB).verdict is Verdict.STARTING


def test_the_old_driver_cannot_write_after_a_restart(bench: Bench) -> None:
    bench.manager.deploy(JOB)
    zombie = bench.writer("driver-1")
    bench.land(zombie, 0, 0, 10)
    bench.manager.restart(JOB, reason="by hand")
    with pytest.raises(Superseded):
        bench.land(zombie, 1, 10, 20)
    assert bench.head().frontier == at({0: 10, 1: 0})


def test_a_stale_judgement_cannot_hit_the_successor(bench: Bench) -> None:
    bench.manager.deploy(JOB)
    bench.manager.restart(JOB, judged=1)
    with pytest.raises(Conflict, match="1"):
        bench.manager.restart(JOB, judged=1)
    assert bench.cluster.alive == ["driver-2"]


def test_a_restart_uses_the_deployed_spec_not_the_file(bench: Bench) -> None:
    bench.manager.deploy(JOB)
    version = bench.arguments("driver-1").version
    bench.manager.specs[JOB] = bench.manager.specs[JOB].model_copy(update={"trigger": 9.0})
    bench.manager.restart(JOB)
    assert bench.arguments("driver-2").version == version
    assert bench.arguments("driver-2").trigger_s == 1.0


@pytest.mark.parametrize("method", ["submit", "put_submitted", "add_event"])
def test_a_crash_between_takeover_and_the_note_heals_by_the_next_tick(bench: Bench, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.manager.deploy(JOB)
    bench.cluster.states["driver-1"] = DriverState.FAILED
    report = bench.manager.health(JOB)
    with monkeypatch.context() as patch:
        patch.setattr(bench.cluster if method == "submit" else bench.store, method, crash)
        with pytest.raises(Crash):
            bench.manager.act(report)
    bench.clock.sleep(20)
    for _ in range(2):
        report = bench.manager.health(JOB)
        if report.act != "none":
            bench.clock.sleep(10)
            bench.manager.act(report)
    newest = bench.arguments(bench.cluster.alive[-1])
    assert newest.attempt == bench.head().attempt
    writer = bench.writer(bench.cluster.alive[-1])
    bench.land(writer, 0, 0, 5)
    assert bench.head().frontier == at({0: 5, 1: 0})


class Crash(BaseException):
    """The process was killed: nothing catches it."""


def crash(*_: object) -> None:
    raise Crash


def test_a_lost_checkpoint_begins_a_new_epoch_where_the_ledger_ends(bench: Bench) -> None:
    bench.manager.deploy(JOB)
    bench.land(bench.writer("driver-1"), 0, 0, 10)
    bench.checkpoints.files.clear()
    bench.manager.restart(JOB)
    head, args = bench.head(), bench.arguments(bench.cluster.alive[-1])
    assert (head.epoch, head.batch_id, dict(args.starting_offsets)) == (2, -1, {0: 10, 1: 0})
    bench.land(bench.writer(bench.cluster.alive[-1]), 0, 10, 12)
    assert [h.epoch for h in bench.store.ledger(JOB)] == [1]


def test_an_older_checkpoint_is_not_gone_on_from(bench: Bench) -> None:
    bench.manager.deploy(JOB)
    writer = bench.writer("driver-1")
    bench.land(writer, 0, 0, 10)
    bench.land(writer, 1, 10, 20)
    del bench.checkpoints.files[JOB, 1, 1]["offsets/1"], bench.checkpoints.files[JOB, 1, 1]["commits/1"]
    bench.manager.restart(JOB)
    assert (bench.head().epoch, dict(bench.head().frontier)) == (2, at({0: 20, 1: 0}))


def test_stopped_stays_stopped(bench: Bench) -> None:
    bench.manager.deploy(JOB)
    bench.manager.stop(JOB, "ana", "maintenance")
    report = bench.manager.health(JOB)
    assert report.verdict is Verdict.STOPPED and "ana" in report.sentence
    assert bench.manager.act(report) is None and bench.cluster.alive == []
    with pytest.raises(Conflict, match="deploy"):
        bench.manager.restart(JOB)
    assert bench.manager.deploy(JOB).changed


def test_a_mistyped_job_is_not_said_to_be_stopped(bench: Bench) -> None:
    with pytest.raises(UnknownJob, match=f"Jobs: {JOB}"):
        bench.manager.stop("error_count")
    assert not bench.manager.stop(JOB).changed  # never deployed


def test_nothing_is_started_while_the_cluster_does_not_answer(bench: Bench) -> None:
    bench.manager.deploy(JOB)
    bench.cluster.answers = False
    with pytest.raises(NotRunning):
        bench.manager.deploy(JOB)
    assert bench.manager.act(bench.manager.health(JOB)) is None
    assert len(bench.cluster.submissions) == 1


def test_a_broker_that_does_not_answer_is_unknown_and_starts_nothing(bench: Bench) -> None:
    bench.manager.deploy(JOB)
    bench.writer("driver-1")
    bench.broker.answers = False
    report = bench.manager.health(JOB)
    assert (report.verdict, report.act) == (Verdict.UNKNOWN, "none")


def test_ready_is_a_landed_batch_or_a_rehearsal_if_there_is_nothing_to_read(bench: Bench) -> None:
    bench.manager.deploy(JOB)
    assert not bench.manager.ready(JOB, 1)
    writer = bench.writer("driver-1")
    assert not bench.manager.ready(JOB, 1)  # started, and the topic is empty: it has read nothing
    bench.prove(1, TRYING)
    assert not bench.manager.ready(JOB, 1)
    bench.prove(1)
    assert bench.manager.ready(JOB, 1)
    bench.broker.fill("logs", 0, 10)
    assert not bench.manager.ready(JOB, 1)
    bench.land(writer, 0, 0, 10)
    assert bench.manager.ready(JOB, 1)
    bench.manager.restart(JOB)
    with pytest.raises(Conflict):
        bench.manager.ready(JOB, 1)


def test_ready_says_why_it_never_will_be(bench: Bench) -> None:
    bench.manager.deploy(JOB)
    bench.store.put_exit(JOB, 1, "i1", "failed", "ModuleNotFoundError: nope", -1)
    with pytest.raises(NotRunning, match="ModuleNotFoundError"):
        bench.manager.ready(JOB, 1)


def test_a_judgement_that_waited_for_its_turn_ends_no_driver_that_has_landed_since(bench: Bench) -> None:
    """Of fifty jobs that stalled in one outage, the last are acted on when they have long recovered."""
    bench.manager.deploy(JOB)
    writer = bench.writer("driver-1")
    bench.land(writer, 0, 0, 10)
    bench.fill(0, 20)
    for _ in range(200):
        bench.clock.sleep(1)
        report = bench.manager.health(JOB)
    assert report.verdict is Verdict.STALLED
    bench.land(writer, 1, 10, 20)
    assert bench.manager.act(report) is None and bench.cluster.alive == ["driver-1"]


def test_a_clock_that_steps_back_puts_off_no_restart(bench: Bench) -> None:
    bench.manager.deploy(JOB)
    bench.land(bench.writer("driver-1"), 0, 0, 10)
    bench.cluster.states["driver-1"] = DriverState.FAILED
    assert bench.manager.health(JOB).verdict is Verdict.DOWN
    bench.clock.sleep(-3600)
    assert bench.manager.act(bench.manager.health(JOB))


def test_a_folder_that_cannot_be_deleted_keeps_no_stream_from_starting(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.manager.deploy(JOB)
    bench.land(bench.writer("driver-1"), 0, 0, 10)

    def refused(*args: object) -> None:
        raise PermissionError(*args)

    monkeypatch.setattr(bench.checkpoints, "forget", refused)
    for _ in range(6):
        bench.manager.restart(JOB)
    assert (bench.head().attempt, bench.cluster.alive) == (7, ["driver-7"])


def test_a_look_that_fails_does_not_say_that_a_driver_will_never_be_ready(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.manager.deploy(JOB)
    with monkeypatch.context() as away:
        away.setattr(bench.store, "snapshots", lambda jobs, history: dict.fromkeys(jobs, JobSnapshot(trouble="the store did not answer")))
        assert look(bench.manager, JOB, 1).waiting
        with pytest.raises(NotRunning) as unseen:
            bench.manager.ready(JOB, 1)
    assert not isinstance(unseen.value, DriverEnded)
    bench.store.put_exit(JOB, 1, "i1", "failed", "no such module", -1)
    with pytest.raises(DriverEnded):
        bench.manager.ready(JOB, 1)
    assert not look(bench.manager, JOB, 1).waiting


def test_a_topic_that_was_changed_in_the_file_and_not_deployed_changes_nothing(bench: Bench) -> None:
    """The running driver was called in data loss, by another topic's offsets; whoever followed the advice counted lines twice."""
    bench.manager.deploy(JOB)
    bench.land(bench.writer("driver-1"), 0, 0, 10)
    here = bench.manager.specs[JOB]
    source, slow = here.source.model_copy(update={"topic": "elsewhere"}), here.health.model_copy(update={"catching_up_lag": 1})
    bench.broker.create("elsewhere", partitions=1)
    bench.manager.specs[JOB] = here.model_copy(update={"source": source, "health": slow})
    assert bench.manager.health(JOB).verdict is Verdict.OK
    assert bench.manager.spec(JOB).source.topic == "logs" and bench.manager.spec(JOB).health == slow
    bench.cluster.states["driver-1"] = DriverState.FAILED
    assert bench.manager.act(bench.manager.health(JOB)) and bench.arguments("driver-2").topic == "logs"


def test_a_running_job_whose_spec_does_not_fit_any_more_is_watched_over_and_can_be_stopped(bench: Bench) -> None:
    bench.manager.deploy(JOB)
    assert with_deployed(Specs(), bench.store.jobs())[JOB].dump() == bench.manager.specs.pop(JOB).dump()
    bench.manager.stop(JOB)
    assert bench.cluster.killed == ["driver-1"] and with_deployed(Specs(), bench.store.jobs()) == {}


def test_wait_landed_takes_the_ends_once(bench: Bench) -> None:
    bench.manager.deploy(JOB)
    bench.broker.fill("logs", 0, 10)
    assert not bench.manager.wait_landed(JOB, 1.0)
    bench.land(bench.writer("driver-1"), 0, 0, 10)
    assert bench.manager.wait_landed(JOB, 1.0)


def test_a_deploy_can_be_waited_for(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.manager.deploy(JOB)
    assert not bench.manager.wait_ready(JOB, 1, 1.0)
    looks = iter(range(3))

    def starting(seconds: float) -> None:
        bench.clock.sleep(seconds)
        if next(looks, None) is None:
            bench.writer("driver-1")
            bench.prove(1)

    bench.manager = bench.another(sleep=starting)
    assert bench.manager.wait_ready(JOB, 1, 60.0) and next(looks, None) is None
    bench.store.put_exit(JOB, 1, "i1", "failed", "no such module", -1)
    bench.broker.fill("logs", 0, 10)
    with pytest.raises(NotRunning, match="no such module"):
        bench.manager.wait_ready(JOB, 1, 60.0)


def test_the_timeline_says_once_how_long_a_successor_took_to_catch_up(bench: Bench) -> None:
    def verdicts() -> list[str]:
        return [e.text for e in reversed(bench.store.events(JOB)) if e.kind == "verdict"]

    bench.manager.deploy(JOB)
    bench.land(bench.writer("driver-1"), 0, 0, 10)
    bench.manager.health(JOB)
    bench.cluster.states["driver-1"] = DriverState.FAILED
    bench.manager.act(bench.manager.health(JOB))
    bench.clock.sleep(7)
    writer = bench.writer("driver-2")
    bench.land(writer, 1, 10, 20)
    bench.manager.health(JOB)
    assert "7.0 s after attempt 2 took over" in verdicts()[-1]
    bench.clock.sleep(5)
    bench.fill(0, 30_000)
    bench.manager.health(JOB)
    bench.land(writer, 2, 20, 30_000)
    bench.manager.health(JOB)
    assert [text for text in verdicts() if "took over" in text][2:] == [], verdicts()


def test_every_start_is_in_the_timeline(bench: Bench) -> None:
    bench.manager.deploy(JOB, "ana", "first")
    bench.manager.restart(JOB, None, "ben", "looks odd")
    lines = {(e.kind, e.attempt, e.who, e.reason) for e in bench.store.events(JOB)}
    assert lines == {
        ("takeover", 1, "ana", "first"),
        ("deploy", 1, "ana", "first"),
        ("takeover", 2, "ben", "looks odd"),
        ("restart", 2, "ben", "looks odd"),
    }


def test_two_managers_that_deploy_at_once_start_one_driver_that_may_write(bench: Bench) -> None:
    """Whatever the order of the two, only the newest attempt can write."""
    original: Callable[..., object] = bench.store.set_job
    raced = []

    def race(expected: object, new: object) -> object:
        if not raced:
            raced.append(True)
            bench.manager.deploy(JOB, "ben")
        return original(expected, new)

    bench.store.set_job = race  # type: ignore[method-assign]
    with pytest.raises(Conflict):
        bench.manager.deploy(JOB, "ana")
    assert bench.cluster.alive == ["driver-1"]


def test_a_deploy_beside_one_that_has_just_taken_over_waits_for_it_and_starts_no_second_driver(bench: Bench) -> None:
    """Between takeover and note nobody can see that a driver lives: many deploys at once replaced each other's."""
    submit, attempts = bench.cluster.submit, bench.store.attempts
    second: list[ActionResult] = []

    def slow(submission: Submission) -> str:
        started = submit(submission)
        looks = itertools.count()

        def noted_at_the_fifth_look(job: str, limit: int = 50) -> Sequence[AttemptRow]:
            if next(looks) == 5:
                bench.store.put_submitted(JOB, 1, started, int(bench.clock() * 1000))
            return attempts(job, limit)

        bench.store.attempts = noted_at_the_fifth_look  # type: ignore[method-assign]
        second.append(bench.manager.deploy(JOB, "ben"))
        return started

    bench.cluster.submit = slow  # type: ignore[method-assign]
    bench.manager.deploy(JOB, "ana")
    assert (second[0].changed, bench.head().attempt, bench.cluster.alive) == (False, 1, ["driver-1"])


def test_a_deploy_after_a_crash_between_takeover_and_note_takes_over_in_bounded_time(bench: Bench) -> None:
    bench.store.put_submitted = crash  # type: ignore[method-assign]
    with pytest.raises(Crash):
        bench.manager.deploy(JOB)
    del bench.store.put_submitted
    began = bench.clock()
    assert bench.manager.deploy(JOB).attempt == 2
    assert bench.clock() - began < 20


def test_a_report_remembers_what_was_decided(bench: Bench) -> None:
    bench.manager.deploy(JOB)
    bench.cluster.states["driver-1"] = DriverState.KILLED
    report = bench.manager.health(JOB)
    assert (report.verdict, report.act, report.attempt) == (Verdict.DOWN, "restart", 1)
    assert replace(report, evidence={}).sentence.endswith("it was killed or lost (the cluster says killed)")


def test_health_tells_how_far_folding_is_behind_and_asks_once_a_minute(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.broker.fill("logs", 0, 3)
    bench.manager.deploy(JOB)
    bench.land(bench.writer("driver-1"), 0, 0, 3)
    assert bench.manager.health(JOB).evidence["fold_backlog"] == {"waiting": 0, "since": 0, "unswept": 0}, "nothing is closed"
    bench.clock.sleep(59)
    asked: list[str] = []
    monkeypatch.setattr(bench.store, "folds", lambda job: asked.append(job) or {})
    assert bench.manager.health(JOB).evidence["fold_backlog"] and asked == []
    bench.clock.sleep(4000)
    head = bench.head()
    assert bench.store.swap(
        head, replace(head, progress=replace(head.progress, event_times=at({0: 3_700_000})), write_ts=head.write_ts + 1)
    )
    report = bench.manager.health(JOB)
    backlog = report.evidence["fold_backlog"]
    assert isinstance(backlog, dict) and backlog["waiting"] == 1 and asked == [JOB]
    assert str(report.evidence["folding"]).startswith("folding is behind: 1 hours and shards wait, the first since ")
    assert report.verdict is Verdict.IDLE


def test_a_driver_that_ran_out_of_memory_gets_more_until_the_next_deploy(bench: Bench) -> None:
    def memory() -> str:
        return list(bench.cluster.submissions.values())[-1].driver_memory

    bench.manager.deploy(JOB)
    assert memory() == "1g"
    bench.store.put_exit(JOB, 1, "", "out_of_memory", "java.lang.OutOfMemoryError: Java heap space", 3)
    bench.manager.restart(JOB)
    assert memory() == "2g"
    bench.store.put_exit(JOB, 2, "", "lost", "killed", 3)
    bench.manager.restart(JOB)
    assert memory() == "2g"
    bench.manager.stop(JOB)
    bench.manager.deploy(JOB)
    assert memory() == "1g"


def test_a_driver_that_the_cluster_killed_for_its_memory_is_tried_once_more_with_more(bench: Bench) -> None:
    def killed(driver: str) -> Report:
        bench.cluster.states[driver] = DriverState.OUT_OF_MEMORY
        return bench.manager.health(JOB)

    bench.manager.deploy(JOB)
    bench.writer("driver-1")
    bench.store.put_exit(JOB, 1, "i1", "lost", "the driver's JVM has ended: it was killed, or ran out of memory", 0)  # its Python process
    first = killed("driver-1")
    assert first.verdict is Verdict.DOWN and "took more memory than it was given" in first.sentence
    assert bench.manager.act(first) and list(bench.cluster.submissions.values())[-1].driver_memory == "2g"
    line = next(e for e in bench.store.events(JOB) if e.kind == "restart")
    assert line.detail["exit"] == "out_of_memory" and "down_ms" not in line.detail
    last = killed("driver-2")
    assert (last.verdict, last.act) == (Verdict.CRASH_LOOPING, "none") and "out of memory with 2g, too" in last.sentence


def test_a_stop_lets_the_driver_end_by_itself_and_kills_one_that_does_not(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def look(seconds: float) -> None:
        """The driver looks, lands its batch and ends."""
        bench.clock.sleep(seconds)
        if willing and bench.store.desired(JOB) == "stopped" and bench.head().frontier[Partition("topic-1", 0)] == 0:
            bench.land(writer, 0, 0, 10)
            bench.cluster.states[bench.cluster.alive[-1]] = DriverState.FINISHED

    willing = True
    bench.manager = bench.another(sleep=look)
    bench.manager.deploy(JOB)
    writer = bench.writer("driver-1")
    bench.manager.stop(JOB)
    assert (bench.cluster.killed, bench.head().frontier[Partition("topic-1", 0)]) == ([], 10)
    willing = False
    bench.manager.deploy(JOB)
    bench.writer("driver-2")
    began = bench.clock()
    bench.manager.stop(JOB)
    assert bench.cluster.killed == ["driver-2"] and bench.clock() - began >= STOP_WITHIN_S
    bench.manager.deploy(JOB)
    began = bench.clock()
    bench.manager.stop(JOB)
    assert bench.cluster.killed[-1] == "driver-3" and bench.clock() - began < 1, "it had not begun"


def test_a_driver_that_waits_for_room_is_not_restarted_and_the_cause_is_told(bench: Bench) -> None:
    bench.manager.deploy(JOB)
    bench.cluster.states["driver-1"] = DriverState.SUBMITTED
    bench.cluster.waiting["driver-1"] = "no worker has 1 GiB free (3072 of 3072 MiB in use by words)"
    bench.clock.sleep(20)
    report = bench.manager.health(JOB)
    assert report.verdict is Verdict.STARTING and "has not been started: no worker has 1 GiB free" in report.sentence
    bench.clock.sleep(200)
    report = bench.manager.health(JOB)
    assert report.verdict is Verdict.STALLED and "3072 of 3072 MiB in use by words" in report.sentence
    assert report.act == "none" and bench.manager.act(report) is None and "a restart changes nothing" in report.plan
    bench.cluster.states["driver-1"] = DriverState.RUNNING  # room was made
    bench.cluster.waiting.clear()
    bench.land(bench.writer("driver-1"), 0, 0, 10)
    assert bench.manager.health(JOB).verdict is Verdict.OK and bench.head().attempt == 1


def test_a_driver_without_executors_waits_for_room(bench: Bench) -> None:
    bench.manager.deploy(JOB)
    bench.writer("driver-1")
    bench.prove(1, TRYING)
    bench.cluster.waiting["driver-1"] = "no worker has 1 GiB free for an executor (3072 of 3072 MiB in use by words)"
    bench.clock.sleep(200)
    report = bench.manager.health(JOB)
    assert report.verdict is Verdict.STALLED and "free for an executor" in report.sentence and report.act == "none"


def test_a_driver_that_the_cluster_does_not_start_for_an_unknown_reason_is_not_restarted(bench: Bench) -> None:
    bench.manager.deploy(JOB)
    bench.cluster.states["driver-1"] = DriverState.SUBMITTED
    bench.clock.sleep(200)
    report = bench.manager.health(JOB)
    assert report.verdict is Verdict.STALLED and "does not say why" in report.sentence and report.act == "none"


def test_a_driver_that_runs_and_is_called_submitted_waits_for_nothing(bench: Bench) -> None:
    """YARN says so for 18 s of drivers that run, after its ResourceManager was restarted."""
    bench.manager.deploy(JOB)
    bench.land(bench.writer("driver-1"), 0, 0, 10)
    bench.cluster.states["driver-1"] = DriverState.SUBMITTED
    bench.clock.sleep(200)
    assert bench.manager.health(JOB).verdict is Verdict.IDLE


def test_a_driver_that_did_not_reach_the_store_is_heard_all_the_same(bench: Bench) -> None:
    """It could not note its exit. What an operator must fix is no fault of the job: it uses up no restarts, and is never poison."""
    why = "WEIR-210: Cassandra at c:9042 refuses the login of weir_driver with the password in /run/password."
    bench.manager.deploy(JOB)
    for attempt in range(1, 9):
        bench.cluster.states[f"driver-{attempt}"] = DriverState.FAILED
        bench.cluster.printed[f"driver-{attempt}"] = f"Traceback (most recent call last):\nspark_jobs.runtime.faults.OutOfPatience: {why}"
        bench.manager.act(bench.manager.health(JOB))  # reads the ending; the first restart is at once
        if attempt > 1:
            report = bench.manager.health(JOB)
            assert report.verdict is Verdict.DOWN and why in report.sentence
            bench.clock.sleep(600)
            bench.manager.act(report)
        assert bench.head().attempt == attempt + 1
    row = next(a for a in bench.store.attempts(JOB) if a.attempt == 1)
    assert (row.exit_reason, row.exit_error, row.exit_batch) == ("lost", why, -1)


def test_a_planned_stop_of_the_stack_is_no_incident_and_the_next_attempt_starts(bench: Bench) -> None:
    bench.manager.deploy(JOB)
    bench.land(bench.writer("driver-1"), 0, 0, 10)
    down = int(bench.clock() * 1000) + 1000
    bench.cluster.states["driver-1"] = DriverState.LOST
    bench.clock.sleep(60)
    manager = bench.another(stopped_at=lambda: down)
    report = manager.health(JOB)
    assert report.verdict is Verdict.STARTING and "was stopped with the stack" in report.sentence and report.act == "restart"
    action = manager.act(report)
    assert action and action.attempt == 2 and bench.store.attempts(JOB)[0].cause == "start"
    assert manager.health(JOB).verdict is Verdict.STARTING and manager.health(JOB).act == "none"
    bench.cluster.states["driver-2"] = DriverState.KILLED  # later, and not by the stack
    assert manager.health(JOB).verdict is Verdict.DOWN


def test_a_driver_that_had_failed_before_the_stack_was_stopped_is_still_down(bench: Bench) -> None:
    bench.manager.deploy(JOB)
    bench.writer("driver-1")
    bench.store.put_exit(JOB, 1, "i-driver-1", "failed", "ValueError: x", 0)
    manager = bench.another(stopped_at=lambda: int(bench.clock() * 1000) + 1000)
    bench.clock.sleep(60)
    assert manager.health(JOB).verdict is Verdict.DOWN
