"""`weir counts` as a function."""

from __future__ import annotations

from dataclasses import replace

import pytest

from weir.counts.closed import NOTHING
from weir.counts.panes import Windows
from weir.counts.query import ALL, Question, counts
from weir.errors import BadInput, UnknownJob
from weir.testing import MemoryStore
from weir.times import iso

from .job import JOB, START, Job

TEN = Windows(10_000, 10_000)
S = 1000


def sums(rows: list[dict[str, object]]) -> list[tuple[str, int]]:
    return [(str(r["window_start"])[11:19], int(str(r["n"]))) for r in rows]


@pytest.fixture
def job() -> Job:
    """1, 2, 4 and 8 errors, one pane apart, landed in two batches; and two notices."""
    job = Job()
    for pane, n in enumerate((1, 2, 4, 8)):
        for i in range(n):
            job.send(START + pane * 10 * S + i * S, service=f"s{i % 2}", partition=i % 2)
        if pane == 1:
            job.land()
    job.send(START + 5 * S, level="notice")
    job.send(START + 3600 * S, level="notice")
    job.land()
    return job


def test_errors_by_default_with_every_dimension(job: Job) -> None:
    rows = counts(job.store, JOB, Question(TEN))
    assert rows[0] == {
        "window_start": "2026-01-31T12:00:00Z",
        "window_end": "2026-01-31T12:00:10Z",
        "service": "s0",
        "level": "error",
        "signature": "it broke",
        "n": 1,
    }
    assert sum(r["n"] for r in rows) == 15


def test_sliding_windows_are_sums_of_panes(job: Job) -> None:
    rows = counts(job.store, JOB, Question(Windows(30_000, 10_000), by=()))
    assert sums(rows) == [("11:59:40", 1), ("11:59:50", 3), ("12:00:00", 7), ("12:00:10", 14), ("12:00:20", 12), ("12:00:30", 8)]


def test_a_window_is_listed_if_it_begins_in_the_span(job: Job) -> None:
    question = Question(Windows(30_000, 10_000), START, START + 20 * S, by=())
    assert sums(counts(job.store, JOB, question)) == [("12:00:00", 7), ("12:00:10", 14)]


def test_a_window_reaches_into_the_next_hour(job: Job) -> None:
    question = Question(Windows(7_200_000, 3_600_000), START, START + 1, by=("level",), levels=ALL)
    assert [(r["level"], r["n"]) for r in counts(job.store, JOB, question)] == [("error", 15), ("notice", 2)]


def test_dimensions_levels_and_fill(job: Job) -> None:
    question = Question(TEN, START, START + 20 * S, by=("level",), levels=("error", "crit"), fill=True)
    rows = counts(job.store, JOB, question)
    assert [(r["level"], r["n"]) for r in rows] == [("crit", 0), ("error", 1), ("crit", 0), ("error", 2)]
    empty = counts(job.store, JOB, Question(TEN, 0, 20 * S, by=(), fill=True))
    assert [r["n"] for r in empty] == [0, 0]


def test_only_closed_windows(job: Job) -> None:
    question = Question(Windows(30_000, 10_000), by=(), closed_until=START + 30 * S)
    assert sums(counts(job.store, JOB, question))[-1] == ("12:00:00", 7)
    assert counts(job.store, JOB, replace(question, closed_until=NOTHING)) == []


def test_what_has_not_landed_does_not_count(job: Job) -> None:
    job.send(START)
    assert sum(r["n"] for r in counts(job.store, JOB, Question(TEN))) == 15


def test_refusals() -> None:
    with pytest.raises(UnknownJob, match="has not been deployed yet"):
        counts(MemoryStore(), JOB, Question(TEN))
    with pytest.raises(BadInput, match="no dimension 'host'"):
        Question(TEN, by=("host",))
    with pytest.raises(BadInput, match=f"until: {iso(START)} is not after since"):
        Question(TEN, START, START)
