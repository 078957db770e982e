"""The evaluation ledger: rows that are written after a decision, and the decision about a window."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from spark_jobs.counts.cells import day_of
from weir.alerts.book import Book, Evaluation, Fired, evaluation_json, evaluation_of
from weir.alerts.judge import Outcome
from weir.alerts.store import DecisionStore
from weir.ports.alerts import AlertStore, Noted

LATE_MS = 300_000  # an evaluation that comes later than this after the allowed lateness is marked late


def evaluations(rule: str, outcomes: Sequence[Outcome], now: int, lateness: int, apart: bool = False) -> list[Evaluation]:
    """Return ordered outcomes as rows. Adjacent empty ones of a day share a row, unless `apart`."""
    rows: list[Evaluation] = []
    for outcome in outcomes:
        late = now - outcome.end > lateness + LATE_MS
        if rows and not apart and outcome.empty and _joins(rows[-1], outcome, late):
            rows[-1] = replace(rows[-1], end=outcome.end)
        else:
            firing = tuple(Fired(key, b.value, b.limit, b.sentence, "") for key, b in sorted(outcome.firing.items()))
            rows.append(Evaluation(rule, outcome.start, outcome.end, outcome.value, firing, late, at=now))
    return rows


def _joins(last: Evaluation, outcome: Outcome, late: bool) -> bool:
    alike = (last.value, last.firing, last.late, last.end) == (0, (), late, outcome.start)
    return alike and day_of(last.start) == day_of(outcome.start)


def flush(store: DecisionStore, book: Book) -> None:
    """Write the evaluations and timeline entries of a decision. Safe to repeat."""
    if book.noted:
        rows = [Noted(e.rule, e.start, e.end, e.revision, evaluation_json(e)) for e in book.noted]
        store.put_evaluations(book.job, rows)
    for event in book.marks:
        store.add_event(book.job, event)


def decided(rows: Iterable[Evaluation], start: int) -> Evaluation | None:
    """Return the last decision about the window that begins there; None if it was never evaluated."""
    return max((e for e in rows if e.start <= start < e.end), key=lambda e: e.revision, default=None)


def read(store: AlertStore, job: str, rule: str, since: int, until: int) -> list[Evaluation]:
    """Return the rows about windows that begin in [since, until), in order."""
    return [evaluation_of(row.record) for row in store.evaluations(job, rule, since, until)]
