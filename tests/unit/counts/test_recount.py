"""The recount finds every difference, and none where there is none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spark_jobs.counts.cells import HOUR_MS
from spark_jobs.protocol.gap import GapKind
from spark_jobs.protocol.partition import numbers as by_number
from weir.counts.fold import fold
from weir.counts.recount import Result, recount
from weir.counts.rules import Rules
from weir.counts.scope import Scope
from weir.counts.sweep import sweep
from weir.errors import NotRunning, UnknownJob
from weir.jobs.folders import sound
from weir.ports.jobs import VersionRow
from weir.ports.source import Retention
from weir.settings import PROJECT
from weir.testing import MemoryBroker, MemoryStore

from .job import JOB, RULES, START, TOPIC, Job, line

S = 1000


@pytest.fixture
def job() -> Job:
    """Three batches over two hours, with rejected lines, and a restart in between."""
    job = Job()
    for i in range(30):
        job.send(START + i * S, service=f"s{i % 3}", level="error" if i % 2 else "notice", partition=i % 2)
        if i == 9:
            job.send_bad(b"", "empty")
            job.send_bad(b"\xff", "not_utf8", 1)
            job.land()
        if i == 19:
            job.take_over()
            job.send(START + HOUR_MS, partition=1, append=START + HOUR_MS)
            job.land()
    job.land()
    return job


def again(job: Job, **span: int) -> Result:
    return recount(job.store, job.broker, RULES, Scope(**span))


def numbers(result: Result) -> list[int]:
    n = result.numbers()
    return [n[name] for name in ("missing", "doubled", "rejected", "checked_lines", "unchecked_lines")]


def test_exact_counts_are_proven(job: Job) -> None:
    result = again(job)
    assert numbers(result) == [0, 0, 2, 33, 0]
    assert result.proven
    assert "33 lines were recounted, none is missing or doubled" in result.sentence
    assert result.as_dict()["rejected_by_reason"] == {"empty": 1, "not_utf8": 1}


def test_each_batch_is_counted_again_by_the_rules_of_its_version() -> None:
    """The clocks of Berlin are an hour ahead. It is deployed, and taken back: the same text means this, then that, then this again."""
    job, berlin = Job(), replace(RULES, time_zone="Europe/Berlin")
    for version, ahead in (("v1", 0), ("v2", HOUR_MS), ("v1", 0)):
        job.take_over(version)
        for i in range(3):
            at = START + i * S
            job._add(0, b"web", line(at + ahead), START + ahead, (at, "web", "error"))
        job.land()
    result = recount(job.store, job.broker, replace(RULES, earlier={"v1": RULES, "v2": berlin}))
    assert result.proven and numbers(result) == [0, 0, 0, 9, 0]
    assert numbers(recount(job.store, job.broker, RULES))[:2] == [3, 3], "by the present rules alone"


def test_the_rules_of_a_version_that_nobody_can_read_are_the_present_ones() -> None:
    spec = sound(PROJECT / "spark_jobs")[JOB]
    berlin = spec.model_copy(update={"options": {"time_zone": "Europe/Berlin"}})
    rows = [VersionRow("v3", 3, spec.dump()), VersionRow("v2", 2, berlin.dump()), VersionRow("v1", 1, "{}")]
    rules = Rules.of_all(spec, rows)
    assert [rules.of_version(v).time_zone for v in ("v1", "v2", "v3", "v9")] == ["UTC", "Europe/Berlin", "UTC", "UTC"]


def test_what_has_not_landed_is_not_looked_at(job: Job) -> None:
    job.send(START)
    assert numbers(again(job)) == [0, 0, 2, 33, 0]


def test_folding_and_sweeping_change_nothing(job: Job) -> None:
    for at in job.places():
        fold(job.store, JOB, at, "r1", 5)
        sweep(job.store, JOB, at, 10)
    assert numbers(again(job)) == [0, 0, 2, 33, 0]


def test_a_lost_and_a_doubled_line_are_named(job: Job) -> None:
    at = (START, job.places()[0][1])
    rows = job.store._deltas[JOB, at]
    (cell, position), (n, ts) = next((k, v) for k, v in rows.items() if k[0][2] == "error")
    rows[cell, position] = n + 5, ts
    assert numbers(again(job))[:2] == [0, 5]
    rows[cell, position] = n - 1, ts
    result = again(job)
    assert numbers(result)[:2] == [1, 0]
    assert not result.proven
    (difference,) = result.differences
    assert difference.first is not None
    partition, offset = difference.first
    assert job.meaning["topic-1", partition, offset][1:] == cell[1:3]
    assert f"partition {partition}, offset {offset}" in result.sentence


def test_a_miscounted_line_is_missing_here_and_doubled_there(job: Job) -> None:
    """The job takes a line for another pane: the totals agree, the recount does not."""
    job.send(START + 40 * S)
    offset = job.broker.end_offsets(TOPIC)[0] - 1
    job.meaning["topic-1", 0, offset] = (START + 60 * S, "web", "error")
    job.land()
    assert numbers(again(job))[:2] == [1, 1]


def test_a_rejected_line_that_should_count(job: Job) -> None:
    job.send(START + 40 * S)
    job.meaning["topic-1", 0, job.broker.end_offsets(TOPIC)[0] - 1] = "not_a_log_line"
    job.land()
    assert numbers(again(job))[:2] == [1, 1]


def test_a_span_looks_only_at_its_panes(job: Job) -> None:
    result = again(job, since=START + HOUR_MS, until=START + 2 * HOUR_MS)
    assert numbers(result) == [0, 0, 0, 1, 0]
    job.store._deltas[JOB, (START, 0)].clear()
    assert again(job, since=START + HOUR_MS).proven
    assert not again(job, until=START + HOUR_MS).proven


def test_a_span_without_lines_proves_nothing(job: Job) -> None:
    result = again(job, until=0)
    assert not result.proven
    assert "nothing could be checked, no lines have landed in that part" in result.sentence


def test_lines_that_the_broker_lost_are_told(job: Job) -> None:
    job.broker.forget(TOPIC, 0, 3)
    result = again(job)
    assert numbers(result)[:2] == [0, 0]
    assert result.unchecked_lines == 3
    assert result.proven


def test_in_hours_with_lost_lines_only_missing_ones_show(job: Job) -> None:
    job.broker.forget(TOPIC, 0, 3)
    job.store._deltas[JOB, (START, 0)].clear()
    assert again(job).missing > 0


def test_a_topic_made_again_leaves_its_lines_unchecked(job: Job) -> None:
    job.broker.create(TOPIC, 2)
    job.rebuild()
    job.send(START + 5 * HOUR_MS, append=START + 5 * HOUR_MS)
    job.land()
    result = again(job)
    assert numbers(result) == [0, 0, 0, 1, 33]
    assert result.proven


def test_all_epochs_are_counted_again(job: Job) -> None:
    job.rebuild()
    job.send(START)
    job.land()
    assert numbers(again(job)) == [0, 0, 2, 34, 0]


def test_late_lines_are_told() -> None:
    job = Job()
    job.send(START + 600 * S)
    job.land()
    job.send(START)
    job.land()
    assert again(job).late == 1


def test_records_without_a_key_are_unknown() -> None:
    job = Job()
    job._add(0, None, b"[Sat Jan 31 12:00:00 2026] [error] x", START, (START, "unknown", "error"))
    job.land()
    assert again(job).proven


def test_a_job_that_never_ran() -> None:
    with pytest.raises(UnknownJob):
        recount(MemoryStore(), MemoryBroker(), RULES)


def test_a_broker_that_does_not_answer(job: Job) -> None:
    job.broker.answers = False
    with pytest.raises(NotRunning):
        again(job)


def test_reads_only_as_far_as_the_head(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    frontier = job.store.head(JOB).frontier  # type: ignore[union-attr]
    asked: list[tuple[int, int]] = []
    read = MemoryBroker.records

    def records(self: MemoryBroker, topic: str, partition: int, start: int, end: int, committed: bool = True) -> Any:
        asked.append((partition, end))
        return read(self, topic, partition, start, end, committed)

    monkeypatch.setattr(MemoryBroker, "records", records)
    job.send(START)
    job.send(START, partition=1)
    again(job)
    assert {p: max(end for q, end in asked if q == p) for p, _ in asked} == by_number(frontier)


def test_lines_of_aborted_transactions_are_not_counted_and_markers_are_no_loss(job: Job) -> None:
    job.transaction(START, 3)
    job.transaction(START, 2, commit=False)
    job.land()
    assert again(job).exact
    job.transaction(START, 4, commit=False)
    job.land()
    result = again(job)
    assert result.exact and result.unchecked_lines == 0


def test_a_batch_of_a_release_that_counted_aborted_lines_is_read_as_it_was(job: Job) -> None:
    """Its row of the ledger is told by the time that it lacks."""
    job.transaction(START, 2, commit=False, counted=True)
    job.land(arrived_by=0)
    job.transaction(START, 3, commit=False)
    job.transaction(START, 1)
    job.land()
    assert again(job).exact


def test_lines_that_compaction_took_are_unchecked_and_never_doubled(job: Job) -> None:
    whole = again(job)
    job.broker.kept[TOPIC] = Retention(compacted=True)
    job.broker.vanish(TOPIC, 0, range(3, 6))
    result = again(job)
    assert result.exact and result.unchecked_lines == 3 and "compacted" in result.sentence
    assert result.checked_lines < whole.checked_lines and result.part.checked == 0
    job.store._deltas[JOB, (START, 0)].clear()
    assert again(job).missing, "a count that is too low is still found"


@pytest.mark.parametrize(("claimed", "bound", "counted"), [(True, 10 * HOUR_MS, 1), (True, 0, 2), (False, 10 * HOUR_MS, 2)])
def test_a_date_that_a_producer_set_counts_up_to_when_the_batch_was_read(job: Job, claimed: bool, bound: int, counted: int) -> None:
    """A record dated 2099 had a line of 2099 counted, and every pane closed."""
    far = START + 100 * HOUR_MS
    job.send(START, append=far, claimed=claimed)
    job.send(far, append=far, claimed=claimed, reason="future" if counted == 1 else None)
    job.land(arrived_by=bound and START + bound)
    result = again(job)
    assert result.exact and result.rejected_by_reason.get("future", 0) == 2 - counted, result


EVENTS = st.lists(
    st.tuples(st.integers(0, 2 * HOUR_MS - 1), st.sampled_from(("web", "api")), st.sampled_from(("error", "info")), st.integers(0, 1))
    | st.sampled_from(("land", "take_over", "rebuild", "fold", "bad")),
    max_size=40,
)


@given(EVENTS)
@settings(deadline=None, max_examples=60)
def test_whatever_happens_is_proven(events: list[Any]) -> None:
    job, folds = Job(), 0
    for event in events:
        match event:
            case "fold":
                folds += 1
                for at in job.places():
                    fold(job.store, JOB, at, f"r{folds}", folds)
            case "bad":
                job.send_bad(b"nonsense", "not_a_log_line")
            case str():
                getattr(job, event)()
            case at, service, level, partition:
                job.send(START + at, service, level, partition, append=START + 2 * HOUR_MS)
    job.land()
    result = again(job)
    landed = sum(job.broker.end_offsets(TOPIC).values())
    assert (result.missing, result.doubled, result.checked_lines) == (0, 0, landed)


def test_what_a_gap_left_out_is_a_number_and_not_missing(job: Job) -> None:
    for _ in range(5):
        job.send(START)
    job.broker.forget(TOPIC, 0, job.broker.end_offsets(TOPIC)[0] - 1)
    job.pass_over(4)
    job.land()
    result = again(job)
    assert (result.missing, result.doubled, result.gap_lines) == (0, 0, 4)
    assert result.proven and "4 lines were left out" in result.sentence


def test_a_quarantined_line_is_still_there_and_not_counted(job: Job) -> None:
    job.send(START)
    job.send(START)
    job.pass_over(1, GapKind.QUARANTINE)
    job.land()
    assert [*numbers(again(job)), again(job).gap_lines] == [0, 0, 2, 34, 0, 1]


def test_after_a_cut_the_same_offsets_hold_other_lines(job: Job) -> None:
    """The end of the log was lost, and new lines took the places of lines that had been counted."""
    last = job.broker.end_offsets(TOPIC)[0] - 1
    del job.broker._records[TOPIC][0][last:]
    job.send(START + 30 * S, service="new")
    job.pass_over(-1)
    job.land()
    result = again(job)
    assert (result.missing, result.doubled, result.unchecked_lines, result.gap_lines) == (0, 0, 1, 0)
