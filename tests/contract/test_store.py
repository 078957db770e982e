"""What every store promises: one suite for the one in memory and for Cassandra."""

from __future__ import annotations

import threading
from dataclasses import replace
from functools import partial
from typing import Any

import psutil
import pytest

from spark_jobs.counts.cells import DAY_MS, HOUR_MS, Delta, RejectedLine, day_of
from spark_jobs.protocol.gap import Gap, GapKind, Hole
from spark_jobs.protocol.head import Batch, Head, Progress, State, Totals, claim, first_head, land, rebuilt, started, taken_over
from spark_jobs.protocol.partition import Offsets, Partition, of_source
from spark_jobs.runtime.standby import Orders
from spark_jobs.runtime.store import day_of as date_of
from weir.cassandra.store import CassandraStore
from weir.errors import StoreBehind
from weir.ports.alerts import Booked, Mail, Noted
from weir.ports.attempts import AttemptRow
from weir.ports.counts import FoldNote, Published, Rolled, Touched
from weir.ports.jobs import JobRow, VersionRow
from weir.ports.reports import JobSnapshot, Kept
from weir.ports.standbys import StandbyRow
from weir.ports.timeline import Event, Pause

at = partial(of_source, "topic-1")  # offsets by partition

HOUR = 490_000 * HOUR_MS
DAY = day_of(HOUR)
DAY_US = 86_400_000_000
NOW_US = HOUR * 1000
AT = (HOUR, 0)


def begun(store: Any, job: str) -> Head:
    """A job whose first attempt has started."""
    first = first_head(job, at({0: 5, 1: 0}), NOW_US)
    assert store.create_head(first)
    new = started(taken_over(first), "i1")
    assert store.swap(first, new)
    return new


def claimed(store: Any, head: Head, end: Offsets, now_us: int = NOW_US) -> Head:
    """A claim of the next batch, as the writer makes it."""
    batch = Batch(head.last_landed + 1, head.end, end)
    totals = Totals(3, {"error": 2}, {"empty": 1}, 1)
    new = claim(head, batch, totals, Progress(at({0: HOUR}), at({0: HOUR + 1}), HOUR - 60_000), "v1", now_us)
    if head.has_batch:
        store.put_ledger(head)
    store.put_first(head.job, head.attempt, head.epoch, batch.batch_id)
    assert store.swap(head, new)
    return new


def landed(store: Any, claim: Head) -> Head:
    new = land(claim, HOUR + 7)
    assert store.swap(claim, new)
    return new


def test_a_job_has_one_first_head(store: Any, job: str) -> None:
    assert store.head(job) is None and store.plain_head(job) is None
    first = first_head(job, at({0: 5}), 1)
    assert store.create_head(first)
    assert not store.create_head(replace(first, write_ts=2))
    assert not store.create_head(first)
    assert store.head(job) == first


def test_a_head_comes_back_as_it_was(store: Any, job: str) -> None:
    head = landed(store, claimed(store, begun(store, job), at({0: 9, 1: 2})))
    assert store.head(job) == store.plain_head(job) == head
    assert (head.totals.conserved, head.frontier, head.landed_at) == (True, at({0: 9, 1: 2}), HOUR + 7)


def test_only_what_is_there_can_be_swapped(store: Any, job: str) -> None:
    head = begun(store, job)
    assert not store.swap(taken_over(head), started(head, "i2"))
    assert not store.swap(first_head(job, at({0: 5, 1: 0}), NOW_US), head)
    assert store.swap(head, taken_over(head))
    assert not store.swap(head, taken_over(head)), "two supervisors cannot both take over"
    assert store.head(job).attempt == 2


def test_an_epoch_begins_where_the_last_one_ended(store: Any, job: str) -> None:
    head = landed(store, claimed(store, begun(store, job), at({0: 9, 1: 2})))
    new = rebuilt(head, {**head.frontier, Partition("topic-1", 2): 0})
    assert store.swap(head, new)
    assert (store.head(job).epoch_ends, store.head(job).end) == ((0,), at({0: 9, 1: 2, 2: 0}))


def test_an_epoch_that_leaves_something_out_says_so_in_the_head_and_then_in_the_ledger(store: Any, job: str) -> None:
    head = landed(store, claimed(store, begun(store, job), at({0: 9, 1: 2})))
    holes = (Hole(Partition("topic-1", 0), 9, 12), Hole(Partition("topic-1", 1), 2, 3))
    new = rebuilt(head, at({0: 12, 1: 3}), Gap(GapKind.LOSS, holes, "ana", "retention", HOUR, exact=False))
    store.put_ledger(head)
    assert store.swap(head, new)
    assert store.head(job) == new
    later = taken_over(new)
    assert store.swap(new, later)
    for kept in (new, later, later):
        store.put_ledger(kept)
    first = landed(store, claimed(store, later, at({0: 13, 1: 3})))
    store.put_ledger(first)
    rows = list(store.ledger(job))
    assert [(r.by, r.batch_id) for r in rows] == [(3, 0), (2, -1), (1, 0)]
    assert rows[1].gap == new.gap and rows[0].gap is None


def test_the_ledger_keeps_landed_batches_newest_first(store: Any, job: str) -> None:
    head, kept = begun(store, job), []
    for day in range(3):
        head = landed(store, claimed(store, head, at({0: 6 + day, 1: day}), NOW_US + day * DAY_US))
        kept.append(head)
    store.put_ledger(head)
    store.put_ledger(head)
    assert list(store.ledger(job)) == kept[::-1]
    assert store.ledger_batch(job, 1, 1) == kept[1]
    assert store.ledger_batch(job, 1, 7) is None
    assert store.ledger_batch(job, 2, 1) is None


def test_first_batches_by_attempt(store: Any, job: str) -> None:
    store.put_attempt(job, AttemptRow(3, "restart", "me", "why", 5, "v1"))
    store.put_first(job, 1, 1, 0)
    store.put_first(job, 2, 1, 4)
    assert store.firsts(job) == {1: (1, 0), 2: (1, 4)}


def test_deltas_come_back_by_place_and_may_be_written_again(store: Any, job: str) -> None:
    head = claimed(store, begun(store, job), at({0: 9, 1: 2}))
    deltas = [Delta(HOUR + i % 360 * 10_000, f"s{i}", "error", "sig\u00e9 *", i + 1) for i in range(300)]
    store.put_deltas(head, 1, deltas)
    store.put_deltas(head, 1, deltas)
    found = list(store.deltas(job, AT))
    assert {cell: n for _, cell, n in found} == {(d.pane_start, d.service, d.level, d.signature): d.n for d in deltas}
    assert {position for position, _, _ in found} == {(1, 0)}
    assert len(found) == 300
    assert list(store.deltas(job, (HOUR, 1))) == []


def test_services_are_spread_over_shards(store: Any, job: str) -> None:
    head = claimed(store, begun(store, job), at({0: 9, 1: 2}))
    store.put_deltas(head, 2, [Delta(HOUR, "web", "error", "", 1), Delta(HOUR, "api", "error", "", 1)])
    assert sum(len(list(store.deltas(job, (HOUR, shard)))) for shard in range(2)) == 2


def test_deltas_up_to_a_timestamp_are_deleted_and_stay_so(store: Any, job: str) -> None:
    one = landed(store, claimed(store, begun(store, job), at({0: 9, 1: 2})))
    store.put_deltas(one, 1, [Delta(HOUR, "web", "error", "", 1)])
    two = claimed(store, one, at({0: 10, 1: 2}))
    store.put_deltas(two, 1, [Delta(HOUR, "web", "error", "", 1)])
    store.delete_deltas(job, AT, one.write_ts)
    assert [p for p, _, _ in store.deltas(job, AT)] == [(1, 1)]
    store.put_deltas(one, 1, [Delta(HOUR, "web", "error", "", 1)])  # a write that was under way all the time
    assert [p for p, _, _ in store.deltas(job, AT)] == [(1, 1)]
    store.delete_deltas(job, AT, two.write_ts)
    assert list(store.deltas(job, AT)) == []


def test_hours_tell_the_youngest_batch_and_their_totals(store: Any, job: str) -> None:
    one = landed(store, claimed(store, begun(store, job), at({0: 9, 1: 2})))
    store.put_hours(one, {AT: {"error": 2}, (HOUR + HOUR_MS, 3): {"info": 1}})
    two = claimed(store, one, at({0: 10, 1: 2}))
    store.put_hours(two, {AT: {"error": 1, "warn": 4}})
    assert store.hours(job) == [Touched(HOUR, 0, (1, 1), two.write_ts // 1000), Touched(HOUR + HOUR_MS, 3, (1, 0), one.write_ts // 1000)]
    assert store.hours(job, HOUR + 1) == [Touched(HOUR + HOUR_MS, 3, (1, 0), one.write_ts // 1000)]
    assert store.hours(job, HOUR, HOUR + 1) == [Touched(HOUR, 0, (1, 1), two.write_ts // 1000)]
    assert dict(store.hour_totals(job, AT)) == {(1, 0): {"error": 2}, (1, 1): {"error": 1, "warn": 4}}


def test_the_past_before_1970_is_an_hour_like_any_other(store: Any, job: str) -> None:
    head = claimed(store, begun(store, job), at({0: 9, 1: 2}))
    store.put_hours(head, {(-HOUR_MS, 0): {"error": 1}})
    store.put_deltas(head, 1, [Delta(-10_000, "web", "error", "", 1)])
    assert store.hours(job) == [Touched(-HOUR_MS, 0, (1, 0), head.write_ts // 1000)]
    assert [cell[0] for _, cell, _ in store.deltas(job, (-HOUR_MS, 0))] == [-10_000]


def test_publishing_is_a_compare_and_set(store: Any, job: str) -> None:
    assert store.published(job, AT) is None
    one, two = Published("r1", (1, 0), 10, HOUR + 1), Published("r2", (1, 4), 20, HOUR + 2)
    assert store.publish(job, AT, None, one)
    assert not store.publish(job, AT, None, two)
    assert store.publish(job, AT, one, two)
    assert not store.publish(job, AT, one, two)
    assert store.published(job, AT) == two


def test_runs_are_kept_until_they_are_deleted(store: Any, job: str) -> None:
    cells = {(HOUR + i * 10_000, "web", "error", f"sig {i}"): i for i in range(250)}
    store.put_run(job, AT, "r1", "", cells)
    store.put_run(job, AT, "r2", "r1", {})
    assert store.run_cells(job, AT, "r1") == cells
    assert store.run_cells(job, AT, "r2") == {}
    assert store.runs(job, AT) == {"r1": "", "r2": "r1"}
    store.delete_run(job, AT, "r1")
    assert (store.run_cells(job, AT, "r1"), store.runs(job, AT)) == ({}, {"r2": "r1"})


def test_an_hour_roll_up_goes_with_its_run(store: Any, job: str) -> None:
    kinds = {("web", "error", f"sig {i}"): i for i in range(250)}
    store.put_run(job, AT, "r1", "", {(HOUR, *kind): n for kind, n in kinds.items()})
    assert store.run_hour(job, AT, "r1") == {}
    store.put_run_hour(job, AT, "r1", kinds)
    store.put_run_hour(job, AT, "r2", {})
    assert (store.run_hour(job, AT, "r1"), store.run_hour(job, AT, "r2")) == (kinds, {})
    store.delete_run(job, AT, "r1")
    assert store.run_hour(job, AT, "r1") == {}


def test_publishing_a_roll_is_a_compare_and_set(store: Any, job: str) -> None:
    day = DAY, 0
    assert store.rolled(job) == {}
    one, two = Rolled("r1", {HOUR: (1, 3), HOUR + HOUR_MS: (2, 0)}, HOUR + 1), Rolled("t1", {}, HOUR + 2)
    assert store.publish_roll(job, day, None, one)
    assert not store.publish_roll(job, day, None, two)
    assert store.publish_roll(job, day, one, two)
    assert not store.publish_roll(job, day, one, two)
    assert store.publish_roll(job, (DAY + 2 * DAY_MS, 3), None, one)
    assert store.rolled(job) == {day: two, (DAY + 2 * DAY_MS, 3): one}
    assert store.rolled(job, DAY, DAY + DAY_MS) == {day: two}
    assert store.rolled(job, DAY + 1) == {(DAY + 2 * DAY_MS, 3): one}


def test_rolls_are_kept_until_they_are_deleted(store: Any, job: str) -> None:
    kinds = {("web", "error", f"sig {i}"): i for i in range(250)}
    store.put_roll(job, (DAY, 0), "r1", "", kinds)
    store.put_roll(job, (DAY, 1), "r2", "r1", {})
    assert (store.roll_sums(job, (DAY, 0), "r1"), store.roll_sums(job, (DAY, 1), "r2")) == (kinds, {})
    assert store.rolls(job) == {(DAY, 0): {"r1": ""}, (DAY, 1): {"r2": "r1"}}
    store.delete_roll(job, (DAY, 0), "r1")
    assert (store.roll_sums(job, (DAY, 0), "r1"), store.rolls(job)) == ({}, {(DAY, 1): {"r2": "r1"}})


def test_samples_of_rejected_lines_newest_batch_first(store: Any, job: str) -> None:
    one = landed(store, claimed(store, begun(store, job), at({0: 9, 1: 2})))
    store.put_rejected(one, [RejectedLine("logs", 0, 5, "web", "empty", b""), RejectedLine("logs", 1, 0, "web", "not_utf8", b"\xff\x00")])
    two = claimed(store, one, at({0: 10, 1: 2}), NOW_US + DAY_US)
    assert two.state is State.CLAIMED
    store.put_rejected(two, [RejectedLine("logs", 0, 9, "web", "bad_time", b"x", HOUR + 1)])
    found = list(store.rejected_lines(job))
    assert found[0] == ((1, 1), RejectedLine("logs", 0, 9, "web", "bad_time", b"x", HOUR + 1))
    assert [line.append_ms for _, line in found[1:]] == [None, None], "as in samples from before there was a column for it"
    assert sorted(line.value for _, line in found[1:]) == [b"", b"\xff\x00"]
    assert {position for position, _ in found[1:]} == {(1, 0)}


def test_samples_of_two_topics_at_the_same_place(store: Any, job: str) -> None:
    head = landed(store, claimed(store, begun(store, job), at({0: 9, 1: 2})))
    lines = [RejectedLine(topic, 0, 5, "web", "empty", topic.encode()) for topic in ("logs", "web")]
    store.put_rejected(head, lines)
    assert sorted((line.topic, line.value) for _, line in store.rejected_lines(job)) == [("logs", b"logs"), ("web", b"web")]


def test_samples_of_the_release_are_read_beside_those_of_today(real_store: Any, job: str) -> None:
    """Its drivers go on writing to their own table."""
    one = landed(real_store, claimed(real_store, begun(real_store, job), at({0: 9, 1: 2})))
    real_store.put_rejected(one, [RejectedLine("logs", 0, 5, "web", "empty", b"new")])
    real_store.session.execute(
        "INSERT INTO rejected (job, day, attempt, batch_id, partition, offset, topic, service, reason, value) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        job, date_of(one.write_ts), 1, 7, 0, 6, "logs", "web", "empty", b"old",
    )  # fmt: skip
    assert [(position, line.value) for position, line in real_store.rejected_lines(job)] == [((1, 7), b"old"), ((1, 0), b"new")]


def test_notes_of_folds(store: Any, job: str) -> None:
    assert store.folds(job) == {}
    store.put_folded(job, AT, Published("r1", (1, 3), 10, HOUR))
    assert store.folds(job) == {AT: FoldNote("r1", (1, 3), HOUR)}
    store.put_swept(job, AT, "r1")
    store.put_folded(job, AT, Published("r2", (2, 0), 20, HOUR + 5))
    assert store.folds(job) == {AT: FoldNote("r2", (2, 0), HOUR + 5, "r1")}


def test_recounts_newest_first(store: Any, job: str) -> None:
    for missing in range(3):
        store.put_recount(job, {"missing": missing, "differences": []})
    assert [r["missing"] for r in store.recounts(job, limit=2)] == [2, 1]


def test_what_is_wanted_is_a_compare_and_set(store: Any, job: str) -> None:
    assert store.job(job) is None
    one = JobRow(job, 1, "running", "v1", "{}", "me", "why", HOUR)
    two = replace(one, revision=2, desired="stopped")
    assert store.set_job(None, one)
    assert not store.set_job(None, one)
    assert store.desired(job) == "running"
    assert store.set_job(one, two)
    assert (store.desired(job), store.desired(f"{job}_2")) == ("stopped", "")
    assert not store.set_job(one, replace(two, reason="other"))
    assert two in store.jobs()
    assert store.job(job) == two


def test_attempts_are_written_by_several_hands(store: Any, job: str) -> None:
    store.put_attempt(job, AttemptRow(1, "deploy", "me", "first", HOUR, "v1"))
    store.put_submitted(job, 1, "driver-1", HOUR + 1)
    store.put_exit(job, 1, "i1", "failed", "it broke", 4)
    store.put_attempt(job, AttemptRow(2, "restart", "weir", "it broke", HOUR + 2, "v1"))
    two, one = store.attempts(job)
    assert (two.attempt, two.cause, two.submission_id, two.exit_reason) == (2, "restart", "", "")
    assert (one.submission_id, one.submitted_at, one.incarnation, one.exit_reason) == ("driver-1", HOUR + 1, "i1", "failed")
    assert (one.exit_error, one.exit_batch, one.exited_at > 0) == ("it broke", 4, True)
    assert store.attempts(job, limit=1) == [two]


def test_versions_are_kept_the_last_deployed_first(store: Any, job: str) -> None:
    assert store.versions(job) == [] and list(store.pending()) == []
    one, two = VersionRow("a1", HOUR, '{"trigger": 1}'), VersionRow("b2", HOUR + 1, "{}")
    store.put_version(job, one)
    store.put_version(job, two)
    store.put_good(job, "a1")
    assert store.versions(job) == [two, replace(one, good=True)]
    store.put_version(job, replace(one, deployed_at=HOUR + 2))
    assert store.versions(job) == [replace(one, deployed_at=HOUR + 2, good=True), two], "deployed again, it is as good as it was"
    store.put_good(job, "c3")
    assert [v.version for v in store.versions(job)] == ["a1", "b2"], "good alone is no version"
    assert store.versions(f"{job}_2") == []


def test_the_timeline_and_the_last_report(store: Any, job: str) -> None:
    one = Event(HOUR, "deploy", "one", {"epoch": 1}, 1, "ana", "first")
    two = Event(HOUR + 1, "restart", "two", {}, 2)
    for event in (two, one, two):  # whoever is not sure that it was written writes it again
        store.add_event(job, event)
    assert store.events(job) == [two, one] and store.events(job, 1) == [two] and store.events(f"{job}_2") == []
    assert store.snapshots([job])[job].report is store.report(job) is None
    store.keep_reports([Kept(job, "{}", Event(3_000, "verdict", "down", {"verdict": "down"}, 3))])
    store.keep_reports([Kept(job, '{"a": 1}'), Kept(f"{job}_2", "{}")])
    store.keep_reports([])
    seen = store.snapshots([job, f"{job}_2"])
    assert (seen[job].report, seen[f"{job}_2"].report) == ('{"a": 1}', "{}")
    said = [e for e in store.events(job) if e.kind == "verdict"]
    assert [(e.text, e.detail) for e in said] == [("down", {"verdict": "down"})]


def test_a_timeline_goes_on_over_months_and_keeps_what_happened_at_once(store: Any, job: str) -> None:
    events = [Event(HOUR + month * 31 * 86_400_000, "stop", f"line {month}") for month in range(5)]
    for event in events[1:]:
        store.add_event(job, event)
    store.add_event(job, events[0])
    assert store.events(job) == events[::-1] and store.events(job, 3) == events[:1:-1]
    both = [Event(HOUR - 1, kind, "x", {}, 7) for kind in ("takeover", "restart")]
    for event in both:
        store.add_event(job, event)
    assert [e.kind for e in store.events(job)[-2:]] == [e.kind for e in sorted(both, key=lambda e: e.id)]


def test_the_last_word_of_each_kind_is_kept(store: Any, job: str) -> None:
    assert store.pauses(job) == [] and store.snapshots([job])[job].pauses == []
    held, window = Pause("hold", "ana", "why", HOUR), Pause("maintenance", "ben", "disks", HOUR, HOUR + 5)
    store.put_pause(job, window)
    store.put_pause(job, held)
    assert store.pauses(job) == store.snapshots([job])[job].pauses == [held, window]
    store.put_pause(job, replace(held, until=HOUR + 9))
    assert store.pauses(job) == [replace(held, until=HOUR + 9), window]


def test_a_standby_is_one_row_of_many_hands(store: Any, job: str) -> None:
    assert store.standbys(job) == store.snapshots([job])[job].standbys == [] and store.orders(job, "1") is None
    noted, other = StandbyRow("1", "v1", HOUR), StandbyRow("0", "v0", HOUR - 5, "driver-0")
    store.put_standby(job, noted)
    store.put_standby(job, other)
    assert store.standbys(job) == [noted, other] and store.orders(job, "1") == Orders()
    store.put_standby(job, replace(noted, submission_id="driver-1"))
    store.put_ready(job, "1", "i1", HOUR + 7)
    ready = replace(noted, submission_id="driver-1", incarnation="i1", ready_at=HOUR + 7)
    assert store.standbys(job) == store.snapshots([job])[job].standbys == [ready, other]
    store.call_up(job, "1", 4, '{"attempt": 4}')
    store.retire(job, "0", HOUR + 9)
    called = replace(ready, attempt=4, arguments='{"attempt": 4}')
    assert store.standbys(job) == [called, replace(other, retired_at=HOUR + 9)]
    assert (store.orders(job, "1"), store.orders(job, "0")) == (Orders('{"attempt": 4}'), Orders("", True))


def test_of_standbys_the_newest_are_looked_at(store: Any, job: str) -> None:
    for n in range(25):
        store.put_standby(job, StandbyRow(f"{n:02d}", "v1", HOUR))
    assert [row.id for row in store.standbys(job)] == [f"{n:02d}" for n in range(24, 14, -1)]
    assert store.snapshots([job])[job].standbys == store.standbys(job)


def test_a_standby_that_nobody_noted_has_no_orders(store: Any, job: str) -> None:
    """What it writes itself makes a row, too, where the store was restored from an older copy."""
    store.put_ready(job, "1", "i1", HOUR)
    assert store.orders(job, "1") is None and store.standbys(job) == [] and store.snapshots([job])[job].standbys == []


@pytest.mark.stack
def test_many_jobs_cost_no_connection_and_no_thread_of_their_own(real_store: Any, job: str) -> None:
    real_store.snapshots([job])
    before = {c.laddr for c in psutil.Process().net_connections("tcp")}, threading.active_count()
    real_store.snapshots([f"{job}_{i}" for i in range(1000)])
    assert ({c.laddr for c in psutil.Process().net_connections("tcp")}, threading.active_count()) == before


@pytest.mark.stack
def test_what_one_job_has_broken_hides_no_other(real_store: Any, job: str) -> None:
    other = f"{job}_2"
    begun(real_store, other)
    real_store.session.execute("INSERT INTO head (job, record) VALUES (?, ?)", job, "{}")
    seen = real_store.snapshots([job, other])
    assert "cannot be read" in seen[job].trouble and seen[other].head == real_store.head(other)


def test_a_snapshot_of_many_jobs_is_what_each_question_by_itself_says(store: Any, job: str) -> None:
    jobs = [f"{job}_{i}" for i in range(230)]
    for one in jobs[:3]:
        begun(store, one)
        store.set_job(None, JobRow(one, 1, "running", "v1", "{}", "ana", "first", HOUR))
        for attempt in range(1, 6):
            store.put_attempt(one, AttemptRow(attempt, "restart", "weir", "why", HOUR + attempt, "v1"))
    store.put_exit(jobs[1], 5, "i5", "failed", "no memory", 7)
    store.put_proven(jobs[2], '{"lines": 3}', 7)
    seen = store.snapshots(jobs, 3)
    assert set(seen) == set(jobs) and not any(snapshot.trouble for snapshot in seen.values())
    for one in jobs[:4]:
        assert (seen[one].head, seen[one].wanted) == (store.head(one), store.job(one))
        assert list(seen[one].attempts) == list(store.attempts(one, 3))
        assert (seen[one].report, seen[one].records.get("proven")) == (store.report(one), store.proven(one))
    assert seen[jobs[229]] == JobSnapshot(attempts=[], pauses=[], standbys=[])
    assert store.snapshots([]) == {}


def test_the_ledger_can_be_walked_forward(store: Any, job: str) -> None:
    head = begun(store, job)
    for n in range(1, 5):  # the third is of the next day
        head = landed(store, claimed(store, head, at({0: 5 + n, 1: n}), NOW_US + (DAY_US if n > 2 else 0)))
    assert [h.batch_id for h in store.ledger_after(job, (-1, -1))] == [0, 1, 2]
    assert [h.batch_id for h in store.ledger_after(job, (1, 0))] == [1, 2]
    assert [h.batch_id for h in store.ledger_after(job, (1, 1))] == [2]
    assert [h.batch_id for h in store.ledger_after(job, (2, 0))] == []


def test_some_batches_of_a_time_can_be_had(store: Any, job: str) -> None:
    assert store.ledger_between(job, 0, HOUR, 10) == []
    head, kept = begun(store, job), []
    for n in range(12):  # the last four are of the next day
        moment = NOW_US + n * 60_000_000 + (DAY_US if n > 7 else 0)
        head = landed(store, claimed(store, head, at({0: 6 + n, 1: n}), moment))
        kept.append(head)
    store.put_ledger(head)
    store.put_first(job, 1, 1, 0)  # as the writer does: the first that the attempt set out to claim
    minutes = HOUR, HOUR + 60_000, HOUR + 10 * 60_000, HOUR + 2 * DAY_MS
    assert store.ledger_between(job, minutes[0], minutes[3], 50) == kept
    assert store.ledger_between(job, minutes[1], minutes[2], 50) == kept[1:8], "the first is of the time, the last is not"
    assert store.ledger_between(job, minutes[0] + 1, minutes[1], 50) == []
    some = store.ledger_between(job, minutes[0], minutes[3], 4)
    assert len(some) == 4 and (some[0], some[-1]) == (kept[0], kept[-1]) and [h for h in kept if h in some] == some


def test_the_next_batch_that_touched_an_hour(store: Any, job: str) -> None:
    head = begun(store, job)
    assert store.touched_after(job, AT, (-1, -1)) is None
    for n in range(3):
        head = landed(store, claimed(store, head, at({0: 6 + n, 1: n})))
        if n != 1:
            store.put_hours(head, {AT: {"error": 1}})
    assert [store.touched_after(job, AT, p) for p in ((-1, -1), (1, 0), (1, 2))] == [(1, 0), (1, 2), None]


def test_how_far_the_counts_are_proven_is_kept(store: Any, job: str) -> None:
    assert store.proven(job) is None
    store.put_proven(job, "{1}", NOW_US)
    store.put_proven(job, "{2}", NOW_US + 1)
    assert store.proven(job) == "{2}"
    store.put_proven(job, "{1}", NOW_US)  # of a recount that set out earlier and came in later
    assert store.proven(job) == "{2}"


def test_failed_checks_are_kept_until_they_pass(store: Any, job: str) -> None:
    assert store.unproven(job) == {}
    store.put_unproven(job, "recount", "{1}")
    store.put_unproven(job, "validate", "{2}")
    store.put_unproven(job, "recount", "{3}")
    assert store.unproven(job) == {"recount": "{3}", "validate": "{2}"}
    assert store.snapshots([job])[job].records == {"unproven:recount": "{3}", "unproven:validate": "{2}"}
    store.put_unproven(job, "recount", None)
    assert store.unproven(job) == {"validate": "{2}"}


def test_the_book_of_alerts_is_a_compare_and_set(store: Any, job: str) -> None:
    assert store.book(job) is None
    one, two = Booked(1, '{"a": 1}'), Booked(2, '{"a": 2}')
    assert store.set_book(job, None, one) and not store.set_book(job, None, two)
    assert store.set_book(job, one, two) and not store.set_book(job, one, two)
    assert store.book(job) == two and store.book(f"{job}_2") is None
    assert store.books([f"{job}_{i}" for i in range(150)] + [job]) == {job: two} and store.books([]) == {}


def test_of_two_evaluations_of_a_window_the_later_decision_stays(store: Any, job: str) -> None:
    empty, first = Noted("many", DAY, DAY + 600_000, 3, "empty"), Noted("many", DAY + 600_000, DAY + 660_000, 4, "12")
    amended = replace(first, revision=7, record="14")
    store.put_evaluations(job, [empty, first, Noted("many", DAY + DAY_MS, DAY + DAY_MS + 60_000, 4, "1")])
    store.put_evaluations(job, [amended])
    store.put_evaluations(job, [empty, first])  # of whoever was not sure, and comes late
    store.put_evaluations(job, [Noted("many", DAY, DAY + 60_000, 9, "2")])  # a window of a longer row leaves the rest of it
    store.put_evaluations(job, [])
    rows = store.evaluations(job, "many", DAY, DAY + DAY_MS)
    assert [(r.start - DAY, r.end - DAY, r.revision, r.record) for r in rows] == [
        (0, 60_000, 9, "2"),
        (0, 600_000, 3, "empty"),
        (600_000, 660_000, 7, "14"),
    ]
    assert list(store.evaluations(job, "many", DAY + 600_000, DAY + 660_000)) == [amended]
    assert [r.record for r in store.evaluations(job, "many", DAY, DAY + 2 * DAY_MS)][-1] == "1"
    assert list(store.evaluations(job, "other", DAY, DAY + DAY_MS)) == []


def test_the_inbox_has_each_message_once_the_newest_first(store: Any, job: str) -> None:
    one, two = Mail(HOUR, "m1", "{}"), Mail(HOUR + 1, "m2", '{"a": 1}')
    for mail in (one, two, one):
        store.put_mail(job, mail)
    assert list(store.mails(job)) == [two, one] and list(store.mails(job, 1)) == [two] and list(store.mails(f"{job}_2")) == []
    store.put_mail(f"{job}_2", one)
    many = store.inboxes([job, *(f"{job}_{i}" for i in range(150))], 1)
    assert (list(many[job]), list(many[f"{job}_2"]), list(many[f"{job}_1"])) == ([two], [one], []) and len(many) == 151


@pytest.mark.stack
def test_tables_that_were_not_migrated_are_told_from_an_outage(real_store: CassandraStore) -> None:
    with pytest.raises(StoreBehind, match="nowhere") as told:
        real_store.session.execute("SELECT n FROM nowhere WHERE job = ?", "j")
    assert "weir migrate" in str(told.value)
