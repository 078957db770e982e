"""What Prometheus is told of each job, from the store, the manager and the ledger in memory."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from spark_jobs import failpoint
from spark_jobs.protocol.head import Head, State
from tests.unit.metrics.world import START, World
from weir.alerts.book import Delivery, Incident, Message
from weir.alerts.keep import change
from weir.counts.proven import Proven
from weir.errors import NotRunning
from weir.jobs.spec import parse
from weir.metrics.counters import Counters
from weir.metrics.families import families
from weir.metrics.look import Facts, Look
from weir.ports.attempts import AttemptRow
from weir.ports.counts import FoldNote
from weir.ports.reports import JobSnapshot
from weir.supervise.judge.report import Report, Verdict

JOB = "web_errors"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, JOB, "another")


def test_where_a_job_stands(world: World) -> None:
    world.land(JOB, {"error": 3})
    world.clock.sleep(1)
    told = {state: world.told("weir_verdict", JOB, weir_verdict=state) for state in Verdict}
    assert told == {state: float(state is Verdict.OK) for state in Verdict}
    assert (world.told("weir_epoch", JOB), world.told("weir_attempt", JOB), world.told("weir_batch", JOB)) == (1, 1, 0)
    assert world.told("weir_verdict", "another", weir_verdict="idle") == 0
    assert world.told("weir_up") == 1 and world.told("weir_paused", JOB) == 0


def test_since_when_the_verdict_is(world: World) -> None:
    world.kill(JOB)
    world.manager.tick()
    world.clock.sleep(30)
    assert world.told("weir_verdict_since_timestamp_seconds", JOB) == START


def test_lag_in_lines_and_by_partition(world: World) -> None:
    world.land(JOB, {"error": 3})
    world.send(JOB, 5)
    world.send(JOB, 2, partition=1)
    assert world.told("weir_lag_lines", JOB) == 7
    assert [world.told("weir_landed_offset", JOB, partition=p) for p in "01"] == [3, 0]
    assert [world.told("weir_end_offset", JOB, partition=p) for p in "01"] == [8, 2]


def test_lag_in_seconds_begins_when_all_was_read_and_not_with_the_last_line_before_a_quiet_night(world: World) -> None:
    world.land(JOB, {"error": 1})
    world.clock.sleep(8 * 3600)
    assert world.told("weir_lag_seconds", JOB) == 0
    world.clock.sleep(10)
    world.send(JOB, 1)
    world.clock.sleep(5)
    assert world.told("weir_lag_seconds", JOB) == 15, "it came after the look at which all was read"
    world.clock.sleep(60)
    assert world.told("weir_lag_seconds", JOB) == 75
    world.land(JOB, {"error": 1})
    assert world.told("weir_lag_seconds", JOB) == 0


def test_lag_in_seconds_is_that_of_the_oldest_line_while_batches_land(world: World) -> None:
    world.land(JOB, {"error": 1})
    world.send(JOB, 4)
    world.clock.sleep(20)
    world.land(JOB, {"error": 1})
    world.clock.sleep(7)
    assert world.told("weir_lag_seconds", JOB) == 27, "what is left came with the one that landed, or after it"


def test_nothing_is_claimed_about_a_topic_whose_broker_is_away(world: World) -> None:
    world.land(JOB, {"error": 1})
    assert world.told("weir_lag_seconds", JOB) == 0
    world.broker.answers = False
    world.clock.sleep(600)
    for name, more in (("weir_lag_lines", {}), ("weir_lag_seconds", {}), ("weir_end_offset", {"partition": "0"})):
        assert world.told(name, JOB, **more) is None
    assert world.told("weir_landed_offset", JOB, partition="0") == 1
    world.broker.answers = True
    world.send(JOB, 1)
    assert world.told("weir_lag_seconds", JOB) == 600, "it may have come at any time since the broker last said that all was read"


def test_when_the_last_batch_landed_is_known_while_the_next_one_is_claimed(world: World) -> None:
    world.land(JOB, {"error": 1})
    world.land(JOB, {"error": 1})
    world.store._heads[JOB] = _claimed(world)
    assert world.told("weir_landed_timestamp_seconds", JOB) == START, "from the ledger"
    assert world.told("weir_landed_timestamp_seconds", "another") is None


def test_lines_are_counted_from_the_exporters_first_look_on(world: World) -> None:
    world.land(JOB, {"error": 100, "notice": 7}, {"empty": 2})
    assert [world.told("weir_lines_total", JOB, level=level) for level in ("error", "notice")] == [0, 0]
    world.land(JOB, {"error": 3, "notice": 4}, {"empty": 1, "not_utf8": 5}, late=2)
    world.land(JOB, {"error": 1})
    assert [world.told("weir_lines_total", JOB, level=level) for level in ("error", "notice")] == [4, 4]
    assert [world.told("weir_rejected_lines_total", JOB, reason=reason) for reason in ("empty", "not_utf8")] == [1, 5]
    assert world.told("weir_late_lines_total", JOB) == 2
    assert world.told("weir_batch_write_seconds_count", JOB) == 2
    assert world.told("weir_lines_total", JOB, level="error") == 4, "a look without a new batch counts nothing twice"


def test_what_was_claimed_at_the_first_look_is_counted_when_it_has_landed(world: World) -> None:
    world.land(JOB, {"error": 1})
    world.land(JOB, {"error": 10})
    landed = world.head(JOB)
    world.store._heads[JOB] = _claimed(world)
    assert world.told("weir_lines_total", JOB, level="error") == 0
    world.store._heads[JOB] = landed
    assert world.told("weir_lines_total", JOB, level="error") == 10


def test_batches_of_a_new_attempt_and_of_a_new_epoch_are_counted_once(world: World) -> None:
    world.land(JOB, {"error": 1})
    assert world.told("weir_lines_total", JOB, level="error") == 0
    world.land(JOB, {"error": 2})
    world.kill(JOB)
    world.act()
    assert world.told("weir_lines_total", JOB, level="error") == 2
    world.land(JOB, {"error": 4})
    world.manager.rebuild(JOB, who="ana", reason="new disks")
    world.land(JOB, {"error": 8})
    assert world.told("weir_lines_total", JOB, level="error") == 14
    assert (world.told("weir_epoch", JOB), world.told("weir_batch", JOB), world.told("weir_attempt", JOB)) == (2, 0, 3)


def test_starts_are_told_by_cause_and_by_how_the_one_before_ended(world: World) -> None:
    world.land(JOB, {"error": 1})
    assert world.told("weir_starts_total", JOB, cause="deploy", after="none") == 0
    world.kill(JOB)
    world.act()
    world.store.put_exit(JOB, 2, "i-2", "lost", "the broker went away", 3)
    world.act()  # notes since when it is down: the second restart in a row waits
    world.clock.sleep(60)
    world.act()
    world.manager.restart(JOB, who="ana", reason="to see")
    assert world.told("weir_starts_total", JOB, cause="restart", after="killed") == 2
    assert world.told("weir_starts_total", JOB, cause="restart", after="lost") == 1
    assert world.told("weir_starts_total", JOB, cause="deploy", after="none") == 0


def test_the_time_to_write_a_batch_is_that_from_its_claim_to_its_landing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.land(JOB, {"error": 1})
    assert world.told("weir_batch_write_seconds_sum", JOB) == 0
    put = world.store.put_deltas

    def slow(*args: object) -> None:
        put(*args)  # type: ignore[arg-type]
        world.clock.sleep(2.5)

    monkeypatch.setattr(world.store, "put_deltas", slow)
    world.land(JOB, {"error": 1})
    assert world.told("weir_batch_write_seconds_sum", JOB) == pytest.approx(2.5)


def test_the_time_to_count_a_batch_is_that_from_its_beginning_to_its_claim(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.land(JOB, {"error": 1})
    assert world.told("weir_batch_count_seconds_sum", JOB) == 0
    reached = failpoint.reach
    monkeypatch.setattr(failpoint, "reach", lambda point: world.clock.sleep(1.5) if point == "count" else reached(point))
    world.land(JOB, {"error": 1})
    assert world.told("weir_batch_count_seconds_sum", JOB) == pytest.approx(1.5)
    assert world.told("weir_batch_write_seconds_sum", JOB) == 0


def test_an_action_that_is_due_is_told_until_somebody_acts(world: World) -> None:
    world.land(JOB, {"error": 1})
    assert world.told("weir_action_due_timestamp_seconds", JOB) is None
    world.kill(JOB)
    due = world.told("weir_action_due_timestamp_seconds", JOB)
    world.clock.sleep(300)
    assert due == START and world.told("weir_action_due_timestamp_seconds", JOB) == due, "nobody has acted for 5 min"
    world.act()
    assert world.told("weir_action_due_timestamp_seconds", JOB) is None


def test_looking_keeps_nothing_that_the_watch_goes_on_from(world: World) -> None:
    """An exporter that does not see the cluster must keep nothing: the second restart would begin to wait anew."""
    world.land(JOB, {"error": 1})
    world.kill(JOB)
    world.act()
    world.kill(JOB)
    world.act()
    kept, lines = world.store.report(JOB), world.store.events(JOB)
    world.cluster.answers = False
    world.clock.sleep(30)
    assert world.told("weir_verdict", JOB, weir_verdict="down") == 1, "the ending was noted, so it needs no cluster"
    assert (world.store.report(JOB), world.store.events(JOB)) == (kept, lines)
    world.cluster.answers = True
    world.act()
    assert world.told("weir_attempt", JOB) == 3


def test_a_held_job_has_no_action_due(world: World) -> None:
    world.land(JOB, {"error": 1})
    world.manager.hold(JOB, "ana", "looking into it")
    world.kill(JOB)
    assert (world.told("weir_paused", JOB), world.told("weir_action_due_timestamp_seconds", JOB)) == (1, None)


def test_how_long_unread_lines_are_kept_and_what_was_lost(world: World) -> None:
    world.land(JOB, {"error": 1})
    world.send(JOB, 3)
    world.clock.sleep(60)
    assert world.told("weir_unread_retention_seconds", JOB, partition="0") == pytest.approx(3540, abs=6)
    assert world.told("weir_lost_lines", JOB) == 0
    world.broker.forget(JOB, 0, 3)
    assert world.told("weir_lost_lines", JOB) == 2
    assert world.told("weir_verdict", JOB, weir_verdict="data_loss") == 1


def test_how_far_the_counts_are_proven(world: World) -> None:
    assert world.told("weir_proven_timestamp_seconds", JOB) is None and world.told("weir_proven_ratio", JOB) is None
    world.store.put_proven(JOB, Proven((1, 4), 1, 1_799_990_000_500, None, world.now, 200, 150).dump(), 1)
    assert world.told("weir_proven_timestamp_seconds", JOB) == 1_799_990_000.5
    assert world.told("weir_proven_ratio", JOB) == 0.75


def test_differences_are_told_until_the_counts_are_proven_again(world: World) -> None:
    assert world.told("weir_recount_missing_lines", JOB) is None

    def recount(missing: int, doubled: int) -> None:
        world.clock.sleep(1)
        world.store.put_recount(JOB, {"missing": missing, "doubled": doubled, "at": world.now})

    recount(0, 0)
    assert [world.told(f"weir_recount_{kind}_lines", JOB) for kind in ("missing", "doubled")] == [0, 0]
    recount(3, 0)  # three spans of one run, and the last of them is equal
    recount(1, 2)
    recount(0, 0)
    assert [world.told(f"weir_recount_{kind}_lines", JOB) for kind in ("missing", "doubled")] == [3, 2]
    assert world.told("weir_recount_timestamp_seconds", JOB) == world.now / 1000
    recount(0, 0)
    world.store.put_proven(JOB, Proven((1, 4), 1, world.now, None, world.now, 1, 1).dump(), 1)
    assert [world.told(f"weir_recount_{kind}_lines", JOB) for kind in ("missing", "doubled")] == [0, 0]


def test_the_backlog_of_folding(world: World) -> None:
    world.land(JOB, {"error": 1})
    assert world.told("weir_fold_backlog", JOB) == 0 and world.told("weir_fold_backlog_seconds", JOB) == 0
    world.clock.sleep(3 * 3600)
    world.land(JOB, {"error": 1})
    world.clock.sleep(120)
    (first, _) = world.store.hours(JOB)
    assert world.told("weir_fold_backlog", JOB) == 1
    assert world.told("weir_fold_backlog_seconds", JOB) == (world.now - first.hour) / 1000 - 3600
    world.store._folds[JOB, (first.hour, first.shard)] = FoldNote("run", first.position, world.now)
    world.clock.sleep(4 * 3600)
    assert world.told("weir_fold_backlog", JOB) == 0 and world.told("weir_fold_unswept", JOB) == 1


def test_a_job_that_was_never_deployed_is_stopped_and_nothing_else_is_claimed(tmp_path: Path) -> None:
    world = World(tmp_path, JOB)
    world.manager.specs["new"] = world.manager.specs[JOB].model_copy(update={"name": "new"})
    assert world.told("weir_verdict", "new", weir_verdict="stopped") == 1
    assert world.told("weir_lag_lines", "new") is None and world.told("weir_late_lines_total", "new") is None


def test_a_store_that_is_away_is_told_and_no_job_is(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise NotRunning("Cassandra does not answer.")

    monkeypatch.setattr(world.store, "snapshots", away)
    assert world.told("weir_up") == 0
    assert world.told("weir_verdict", JOB, weir_verdict="unknown") is None


def _claimed(world: World) -> Head:
    """The head as it was while its batch was being written. The ledger has the batch before."""
    head = world.head(JOB)
    kept = replace(head, batch_id=head.batch_id - 1, landed_at=world.now)
    world.store.put_ledger(kept)
    return replace(head, state=State.CLAIMED, landed_at=0)


def test_incidents_and_the_messages_that_no_sink_has_taken(world: World) -> None:
    def told() -> list[float | None]:
        names = ("messages_waiting", "message_wait_seconds", "message_tries")
        return [world.told(f"weir_{name}", JOB) for name in names]

    assert told() == [0, 0, 0]
    incident = Incident("i", "stream", (), "critical", world.now, world.now, "down", "", ("inbox",))
    message = Message("m", "i", JOB, "opened", "critical", "title", "text", world.now)
    waiting = (Delivery(message, "slack", tries=4, trouble="429"), Delivery(replace(message, at=world.now + 9_000), "inbox", tries=1))
    change(world.store, JOB, lambda book: replace(book, incidents=(incident,), outbox=waiting))
    world.clock.sleep(10)
    assert told() == [2, 10, 4]
    found = {severity: world.told("weir_incidents", JOB, severity=severity) for severity in ("critical", "warning", "info")}
    assert found == {"critical": 1, "warning": 0, "info": 0} and world.told("weir_incidents", "another", severity="critical") == 0


def test_a_plain_job_has_no_series_of_what_its_kind_lacks(world: World) -> None:
    """Its starts are counted from its attempts, since it has no head."""
    spec, counters = parse("name: words\noutput: plain\napplication: words.py\n", "x"), Counters()
    evidence = {
        "proven": {"up_to": "2026-01-31T12:00:00Z", "at": "", "share": 1.0},
        "fold_backlog": {"waiting": 0, "since": 0, "unswept": 0},
    }

    def facts(*attempts: AttemptRow) -> Facts:
        counted = counters.look(world.store, {"words": JobSnapshot(attempts=attempts)})
        return Facts(Report("words", Verdict.OK, 1, 5, "", "", evidence), spec.kind, counted=counted.get("words"))

    first, second = AttemptRow(1, submission_id="d1", cause="deploy"), AttemptRow(2, submission_id="d2", cause="restart")
    facts(first)
    samples = [sample for family in families(Look(True, 1.0, 0.1, [facts(second, first)])) for sample in family.samples]
    starts = {(s.labels["cause"], s.labels["after"]): s.value for s in samples if s.name == "weir_starts_total"}
    assert starts == {("deploy", "none"): 0, ("restart", "killed"): 1}
    names = {sample.name for sample in samples}
    assert "weir_verdict" in names
    assert not [name for name in names if any(part in name for part in ("proven", "recount", "fold", "lines_total", "batch_"))]
