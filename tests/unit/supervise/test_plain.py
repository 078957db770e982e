"""A plain job from its first deploy to its worst days, over the real manager: never two drivers, and each verdict with its next step."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.supervise.plain_bench import JOB, OUTAGE, SPEC, TRACEBACK, PlainBench
from weir.console import job as page
from weir.errors import BadInput, Conflict, NotConfirmed, NotRunning, NotTaken, Refused
from weir.ports.cluster import DriverState, Submission
from weir.supervise.judge.observation import STARTS_MS
from weir.supervise.judge.report import Verdict
from weir.supervise.judge.unfenced import CONFIRM_AFTER_MS
from weir.supervise.start.unfenced_drivers import SETTLE_S
from weir.testing import MemoryCluster


@pytest.fixture
def bench(tmp_path: Path) -> PlainBench:
    return PlainBench(tmp_path)


def test_a_first_deploy_submits_the_arguments_of_the_spec(bench: PlainBench) -> None:
    action = bench.deploy()
    assert action.attempt == 1 and bench.head.attempt == 1 and bench.head.incarnation.startswith("submitted by ")
    submission = bench.cluster.submissions[bench.driver]
    assert list(submission.arguments)[1:] == ["subscribe", "logs", bench.checkpoints.location(JOB, 1)]
    assert bench.look().verdict is Verdict.STARTING


def test_a_deploy_of_what_runs_changes_nothing(bench: PlainBench) -> None:
    bench.running()
    assert not bench.deploy().changed and bench.submissions == 1


def test_it_is_ok_while_it_commits_and_idle_when_all_is_read(bench: PlainBench) -> None:
    bench.running()
    assert bench.see(60).verdict is Verdict.IDLE
    bench.lines_arrive(10)
    report = bench.look()
    assert report.verdict is Verdict.OK and report.evidence["lag"] == 10
    bench.commit(1)
    assert bench.look().evidence["batch_id"] == 1


def test_a_restart_that_finds_nothing_to_read_is_starting_and_then_idle(bench: PlainBench) -> None:
    bench.running()
    bench.manager.restart(JOB, None, "ana", "why")
    assert bench.look().verdict is Verdict.STARTING
    assert bench.see(60).verdict is Verdict.IDLE


def test_a_killed_driver_is_replaced_from_the_same_checkpoint(bench: PlainBench) -> None:
    bench.running()
    bench.ends()
    before = bench.clock()
    action = bench.act()
    assert action and action.attempt == 2 and bench.submissions == 2
    assert bench.clock() - before >= 5 + SETTLE_S
    assert bench.store.attempts(JOB)[1].exit_reason == "ended"
    one, two = (list(s.arguments) for s in bench.cluster.submissions.values())
    assert one == two


def test_its_end_is_read_from_what_it_printed(bench: PlainBench) -> None:
    bench.running()
    bench.lines_arrive(3)
    bench.plan(1)
    bench.ends(printed=TRACEBACK)
    report = bench.look()
    assert report.verdict is Verdict.DOWN and report.act == "read_ending"
    bench.manager.act(report)
    old = bench.store.attempts(JOB)[1]
    assert (old.exit_reason, old.exit_batch) == ("failed", 1) and "ValueError" in old.exit_error


def test_why_it_ended_is_read_while_a_pause_keeps_it_from_being_replaced(bench: PlainBench) -> None:
    bench.running()
    bench.manager.hold(JOB, "ana", "why")
    bench.ends(printed=TRACEBACK)
    bench.act()
    assert bench.submissions == 1 and "ValueError" in bench.look().sentence


def test_the_same_batch_that_fails_twice_is_poison(bench: PlainBench) -> None:
    bench.running()
    bench.lines_arrive(3)
    bench.plan(1)
    bench.ends(printed=TRACEBACK)
    bench.act()
    bench.ends(printed=TRACEBACK)
    assert bench.act() is None
    report = bench.look()
    assert report.verdict is Verdict.POISONED and report.act == "none" and f"weir deploy {JOB}" in report.next_step
    assert bench.submissions == 2


def test_an_outage_is_never_poison_and_costs_no_budget(bench: PlainBench) -> None:
    bench.running()
    bench.lines_arrive(3)
    bench.plan(1)
    for attempt in range(1, 8):
        bench.ends(printed=OUTAGE)
        bench.see(120)
        action = bench.act()
        assert action and action.attempt == attempt + 1
        assert bench.store.attempts(JOB)[1].exit_reason == "lost"


def test_a_driver_that_keeps_dying_is_crash_looping(bench: PlainBench) -> None:
    bench.running()
    bench.lines_arrive(3)
    for _ in range(10):
        bench.ends()
        bench.see(60)
        bench.act()
    report = bench.look()
    assert report.verdict is Verdict.CRASH_LOOPING and bench.submissions == 4


def test_a_stalled_driver_is_killed_and_replaced(bench: PlainBench) -> None:
    bench.running()
    first = bench.driver
    bench.lines_arrive(3)
    report = bench.see(70)
    assert report.verdict is Verdict.STALLED, report.sentence
    assert bench.manager.act(report)
    assert bench.cluster.killed[0] == first and bench.submissions == 2


def test_one_that_commits_after_all_is_not_killed(bench: PlainBench) -> None:
    bench.running()
    bench.lines_arrive(3)
    report = bench.see(70)
    bench.commit(1)
    bench.clock.sleep(3)
    assert bench.manager.act(report) is None and not bench.cluster.killed


def test_a_planned_batch_that_is_not_committed_is_a_stall_for_any_source(tmp_path: Path) -> None:
    bench = PlainBench(tmp_path, SPEC.replace("source: {topic: logs}\n", "").replace('"{topic}", ', ""))
    bench.deploy()
    bench.clock.sleep(10)
    files = bench.checkpoints.start(JOB, 1, None)
    files["offsets/0"] = b'v1\n{"batchWatermarkMs":0}\n{"logOffset":0}'
    assert bench.look().verdict is Verdict.STARTING
    bench.checkpoints.commit(JOB, 1, None, 0, int(bench.clock() * 1000))
    assert bench.look().verdict is Verdict.OK
    files["offsets/1"] = files["offsets/0"]
    report = bench.see(80)
    assert report.verdict is Verdict.STALLED and "batch 1 is planned" in report.sentence


def test_a_query_that_has_planned_nothing_is_starting_and_then_unknown(bench: PlainBench) -> None:
    bench.deploy()
    bench.checkpoints.start(JOB, 1, None)["commits/0"] = b""
    assert bench.see(50).verdict is Verdict.STARTING
    report = bench.see(30)
    assert report.verdict is Verdict.UNKNOWN and "no query has planned a batch" in report.sentence


def test_a_first_batch_that_comes_late_is_not_called_a_commit(bench: PlainBench) -> None:
    bench.running()
    bench.manager.restart(JOB, None, "ana", "why")
    bench.see(110)
    bench.lines_arrive(10)
    bench.plan(1)
    assert bench.see(40).verdict is Verdict.STARTING
    assert bench.see(40).verdict is Verdict.STALLED


def test_a_quiet_job_without_kafka_is_unknown(tmp_path: Path) -> None:
    bench = PlainBench(tmp_path, SPEC.replace("source: {topic: logs}\n", "").replace('"{topic}", ', ""))
    bench.deploy()
    bench.checkpoints.start(JOB, 1, None)["offsets/0"] = b'v1\n{"batchWatermarkMs":0}\n{"logOffset":0}'
    bench.checkpoints.commit(JOB, 1, None, 0, int(bench.clock() * 1000))
    report = bench.see(120)
    assert report.verdict is Verdict.UNKNOWN and "it is unknown whether input waits" in report.sentence


def test_a_job_whose_arguments_name_no_checkpoint_is_unknown(tmp_path: Path) -> None:
    bench = PlainBench(tmp_path, SPEC.replace(', "{checkpoint}"', ""))
    bench.deploy()
    report = bench.look()
    assert report.verdict is Verdict.UNKNOWN and "{checkpoint}" in report.sentence


def test_a_checkpoint_that_cannot_be_read_and_a_broker_that_is_away_are_unknown(bench: PlainBench) -> None:
    bench.running()
    bench.checkpoints.answers = False
    assert bench.look().verdict is Verdict.UNKNOWN
    bench.checkpoints.answers, bench.broker.answers = True, False
    report = bench.see(300)
    assert report.verdict is Verdict.UNKNOWN and "broker" in report.sentence
    bench.broker.answers = True
    bench.lines_arrive(1)
    assert bench.look().verdict is Verdict.OK  # and not stalled since before the outage


def test_one_of_two_queries_that_is_dead_does_not_look_ok(bench: PlainBench) -> None:
    bench.running()
    files = bench.checkpoints.start(JOB, 1, None)
    for path in [p for p in files if p.partition("/")[0] in ("offsets", "commits")]:
        files[f"a/{path}"] = files[f"b/{path}"] = files.pop(path)
    assert bench.look().verdict is Verdict.OK
    for batch in range(1, 30):
        bench.lines_arrive(1)
        bench.plan(batch, query="a")
        files[f"a/commits/{batch}"] = files["b/commits/0"]
        report = bench.look()
        if report.verdict is Verdict.STALLED:
            break
    assert report.verdict is Verdict.STALLED and "query b" in report.sentence


def test_a_query_that_the_code_no_longer_has_costs_no_driver(bench: PlainBench) -> None:
    bench.running()
    files = bench.checkpoints.start(JOB, 1, None)
    for path in [p for p in files if p.partition("/")[0] in ("offsets", "commits")]:
        files[f"removed/{path}"] = files[path]
    bench.checkpoints.stands["removed"] = int(bench.clock() * 1000)
    assert bench.look().verdict is Verdict.OK
    bench.deploy(code="print('without it')\n")
    for batch in range(1, 40):
        bench.lines_arrive(1)
        bench.commit(batch)
        report = bench.look()
        bench.manager.act(report)
    assert report.verdict is Verdict.UNKNOWN and "query removed" in report.sentence and "no such query" in report.sentence
    assert bench.submissions == 2


def test_a_topic_that_was_made_again_is_not_idle(bench: PlainBench) -> None:
    bench.running()
    bench.lines_arrive(10)
    bench.commit(1)
    assert bench.look().verdict is Verdict.OK
    bench.broker.create("logs", partitions=1)
    bench.lines_arrive(3)
    report = bench.see(60)
    assert report.verdict is Verdict.DATA_LOSS and "logs/0 ends at 3, and is committed up to 10" in report.sentence
    assert report.act == "none" and bench.manager.act(report) is None and bench.submissions == 1


def test_a_lost_driver_is_unconfirmed_and_not_replaced(bench: PlainBench) -> None:
    bench.running()
    bench.ends(DriverState.LOST)
    report = bench.look()
    assert report.verdict is Verdict.UNCONFIRMED and report.act == "none" and "weir confirm-ended" in report.next_step
    assert bench.manager.act(report) is None
    with pytest.raises(NotConfirmed, match=r"WEIR-306.*attempt 1.*Nothing was started"):
        bench.manager.restart(JOB, None, "ana", "why")
    with pytest.raises(Refused, match="cannot be confirmed ended"):
        bench.deploy(code="print('other')\n")
    assert bench.submissions == 1


def test_a_cluster_that_is_away_confirms_nothing(bench: PlainBench) -> None:
    bench.running()
    bench.cluster.answers = False
    with pytest.raises(NotConfirmed, match="does not answer"):
        bench.manager.restart(JOB, None, "ana", "why")
    assert bench.see(120).verdict is Verdict.UNKNOWN


def test_an_operator_confirms_the_end_and_the_next_driver_starts(bench: PlainBench) -> None:
    bench.running()
    bench.ends(DriverState.LOST)
    bench.look()
    with pytest.raises(BadInput, match="reason"):
        bench.manager.confirm_ended(JOB, 1, "ana", " ")
    with pytest.raises(Conflict, match="attempt 1"):
        bench.manager.confirm_ended(JOB, 2, "ana", "the machine is gone")
    bench.manager.confirm_ended(JOB, 1, "ana", "the machine is gone")
    (noted,) = [event for event in bench.store.events(JOB) if event.kind == "confirm_ended"]
    assert noted.reason == "the machine is gone"
    action = bench.act()
    assert action and action.attempt == 2


def test_a_driver_on_the_cluster_before_is_not_confirmed_ended_since_the_new_one_does_not_know_it(bench: PlainBench) -> None:
    elsewhere = MemoryCluster()
    bench.parts = replace(bench.parts, clusters={"standalone": bench.cluster, "kubernetes": elsewhere})
    bench.manager = bench.another()
    bench.running()
    elsewhere.states[bench.driver] = DriverState.LOST  # as for any id that it does not know
    bench.write(SPEC + "cluster: kubernetes\n")
    bench.manager = bench.another()
    plan = bench.manager.plan(JOB)
    bench.cluster.answers = False
    with pytest.raises(NotConfirmed):
        bench.manager.deploy(JOB, "ana", "why", plan)
    bench.cluster.answers = True
    assert bench.look().verdict is Verdict.UNCONFIRMED
    with pytest.raises(Conflict, match="can be ended by the cluster that it is on"):
        bench.manager.confirm_ended(JOB, 1, "ana", "I have looked")
    bench.manager.restart(JOB, None, "ana", "why")
    assert not bench.cluster.alive and len(elsewhere.alive) == 1


def test_there_is_nothing_to_confirm_of_one_that_runs(bench: PlainBench) -> None:
    bench.running()
    with pytest.raises(Conflict, match="nothing to confirm"):
        bench.manager.confirm_ended(JOB, 1, "ana", "why")


def test_a_submission_that_was_not_noted_is_confirmed_only_when_it_cannot_come_any_more(bench: PlainBench) -> None:
    bench.deploy()
    bench.with_submit_lost()
    assert bench.look().verdict is Verdict.STARTING
    assert bench.look(30).verdict is Verdict.UNCONFIRMED
    with pytest.raises(Conflict, match="may still be submitted for another"):
        bench.manager.confirm_ended(JOB, 1, "ana", "I have looked")
    bench.clock.sleep(CONFIRM_AFTER_MS / 1000)
    bench.manager.confirm_ended(JOB, 1, "ana", "I have looked")
    assert bench.act()


def test_a_stop_ends_the_driver_and_stays(bench: PlainBench) -> None:
    bench.running()
    assert bench.manager.stop(JOB, "ana", "why").changed
    assert not bench.cluster.alive and bench.look().verdict is Verdict.STOPPED
    assert not bench.manager.stop(JOB, "ana", "why").changed
    assert bench.act(600) is None
    bench.deploy()
    assert len(bench.cluster.alive) == 1


def test_a_stop_that_cannot_be_sure_says_so_and_can_be_repeated(bench: PlainBench) -> None:
    bench.running()
    bench.cluster.states[bench.driver] = DriverState.LOST
    with pytest.raises(NotConfirmed):
        bench.manager.stop(JOB, "ana", "why")
    report = bench.look(120)
    assert report.verdict is Verdict.UNCONFIRMED and "is stopped" in report.sentence
    bench.manager.confirm_ended(JOB, 1, "ana", "it is gone")
    assert bench.look().verdict is Verdict.STOPPED
    assert bench.manager.stop(JOB, "ana", "why").attempt == 2


def test_a_version_that_fails_is_taken_back(bench: PlainBench) -> None:
    bench.running()
    assert bench.manager.ready(JOB, 1)
    first = bench.row.version
    bench.deploy(code="print('bad')\n")
    bench.clock.sleep(10)
    bench.lines_arrive(1)
    bench.plan(1)
    bench.ends(printed=TRACEBACK)
    action = bench.act()
    assert action and "rolled back" in action.sentence and bench.row.version == first


def test_a_version_that_committed_is_good_though_nobody_waited(bench: PlainBench) -> None:
    bench.running()
    bench.deploy(code="print('other')\n")
    versions = {v.version: v.good for v in bench.manager.versions(JOB)}
    assert sorted(versions.values()) == [False, True]


def test_it_is_ready_when_it_commits_and_without_input_nothing_is_known(bench: PlainBench) -> None:
    bench.deploy()
    assert not bench.manager.ready(JOB, 1)
    bench.clock.sleep(10)
    bench.commit(0)
    assert bench.manager.ready(JOB, 1)
    bench.manager.restart(JOB, None, "ana", "why")
    assert not bench.manager.ready(JOB, 2)
    bench.clock.sleep(STARTS_MS / 1000 + 1)
    found = bench.manager.ready(JOB, 2)
    assert not found and "read nothing yet" in found.sentence
    report = bench.look()
    assert report.verdict is Verdict.IDLE and "unknown whether it works" in report.sentence
    assert not bench.manager.versions(JOB)[0].good or bench.manager.versions(JOB)[0].version == bench.row.version


def test_a_topic_that_its_spec_names_and_no_query_reads_is_unknown(bench: PlainBench) -> None:
    bench.broker.create("others", partitions=1)
    bench.write(SPEC.replace("topic: logs", "topics: [logs, others]"))
    bench.manager = bench.another()
    bench.running()
    assert bench.look(60).verdict is Verdict.IDLE  # there is nothing in it to read
    bench.broker.fill("others", 0, 5)
    report = bench.look(60)
    assert report.verdict is Verdict.UNKNOWN and "no query has read the topic others" in report.sentence


def test_lines_that_retention_took_before_they_were_read_are_told(bench: PlainBench) -> None:
    bench.running()
    bench.lines_arrive(10)
    bench.broker.forget("logs", 0, 4)
    report = bench.look()
    assert report.verdict is Verdict.DATA_LOSS and "logs/0 offsets 0 to 3" in report.sentence and report.act == "none"
    bench.commit(1)
    assert bench.look().verdict is Verdict.OK


def test_lines_of_a_batch_that_is_being_read_are_not_called_lost(bench: PlainBench) -> None:
    bench.running()
    bench.lines_arrive(10)
    bench.plan(1)
    bench.broker.forget("logs", 0, 4)
    assert bench.look().verdict is not Verdict.DATA_LOSS


def test_a_version_that_dies_while_it_starts_is_not_good_because_nothing_waits(bench: PlainBench) -> None:
    bench.running()
    assert bench.manager.ready(JOB, 1)
    first = bench.row.version
    bench.deploy(code="import nothing\n")
    assert not bench.manager.ready(JOB, 2)
    bench.clock.sleep(6)
    bench.ends(printed=TRACEBACK)
    action = bench.act()
    assert action and "rolled back" in action.sentence and bench.row.version == first


def test_a_head_restored_from_a_backup_does_not_hide_the_driver_that_runs(bench: PlainBench) -> None:
    bench.running()
    old = bench.head
    bench.ends()
    bench.act()
    bench.clock.sleep(10)
    bench.commit(1)
    bench.with_head(old)
    assert bench.act() is None
    assert bench.head.attempt == 2 and bench.look().verdict is Verdict.OK and bench.submissions == 2
    bench.with_head(old)
    bench.deploy(code="print('other')\n")
    assert bench.cluster.killed == ["driver-2"] and len(bench.cluster.alive) == 1
    bench.with_head(old)
    bench.manager.stop(JOB, "ana", "why")
    assert not bench.cluster.alive


def test_a_head_that_is_gone_does_not_hide_the_driver_that_runs(bench: PlainBench) -> None:
    bench.running()
    bench.with_head(None)
    assert not bench.deploy().changed and bench.head.attempt == 1 and bench.submissions == 1


def test_a_driver_that_the_head_has_forgotten_and_the_cluster_lost_waits_for_an_operator(bench: PlainBench) -> None:
    bench.running()
    old = bench.head
    bench.ends()
    bench.act()
    bench.with_head(old)
    bench.ends_all(DriverState.LOST)
    assert bench.act() is None
    report = bench.look()
    assert report.verdict is Verdict.UNCONFIRMED and bench.act() is None and bench.submissions == 2
    bench.manager.confirm_ended(JOB, 2, "ana", "the machine is gone")
    bench.see(60)
    assert bench.act() and bench.submissions == 3


def test_it_gets_the_larger_memory_after_it_ran_out(tmp_path: Path) -> None:
    bench = PlainBench(tmp_path, SPEC.replace("restart: {budget: 3}", "restart: {budget: 3, larger_memory: 2g}"))
    bench.running()
    bench.ends(DriverState.OUT_OF_MEMORY)
    assert bench.act()
    assert bench.cluster.submissions[bench.driver].driver_memory == "2g"


def test_what_needs_a_ledger_is_refused(bench: PlainBench) -> None:
    bench.running()
    with pytest.raises(BadInput, match="plain job, which has no ledger"):
        bench.manager.rebuild(JOB, None, "ana", "why")
    with pytest.raises(BadInput, match="plain job, which has no ledger"):
        bench.manager.quarantine(JOB, 1, "ana", "why", batch=3)


def test_its_page_says_what_it_reads_and_how_it_started(bench: PlainBench) -> None:
    bench.running()
    bench.lines_arrive(5)
    seen = page.health(bench.manager, JOB)
    assert seen["partitions"] == [{"partition": "logs/0", "landed": 0, "end": 5, "lag": 5, "minutes": None}]
    steps = page.followed(bench.manager, JOB, 5)["start"]()
    assert [step.what.split(":")[0] for step in steps] == ["attempt 1 taken", "submitted"]


def test_a_cluster_that_says_no_leaves_nothing_to_confirm(bench: PlainBench, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(submission: Submission) -> str:
        raise NotTaken("The cluster did not accept it.")

    with monkeypatch.context() as patch:
        patch.setattr(bench.cluster, "submit", refuses)
        with pytest.raises(NotTaken):
            bench.deploy()
    report = bench.look()
    assert report.verdict is Verdict.DOWN and "did not accept" in report.sentence
    assert bench.act(30)


def test_a_cluster_that_does_not_answer_a_submission_leaves_it_to_an_operator(bench: PlainBench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench.cluster, "answers", False)
    with pytest.raises(NotRunning):
        bench.deploy()
    assert bench.look(30).verdict is Verdict.UNCONFIRMED
