"""Evaluate a job's rules and its health: read, judge, decide, and write decision and messages together.

Each rule evaluates every closed window once, however late; the evaluation ledger has the results. A pass may be repeated, interrupted,
or run beside another: only the pass whose book was accepted has an effect.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from weir.alerts import landed_rows, ledger
from weir.alerts.book import Book, Evaluation, Followed
from weir.alerts.health import verdict_changes
from weir.alerts.incidents import Found, decide
from weir.alerts.keep import open_book, write
from weir.alerts.landed_rows import RowsFound
from weir.alerts.look import CountsState, look, outcomes
from weir.alerts.rules import JobRules, Rule
from weir.alerts.store import AlertingStore, DecisionStore
from weir.alerts.windows import AMENDED_WITHIN_MS, again, due
from weir.counts.closed import NOTHING
from weir.counts.rules import Rules
from weir.errors import WeirError
from weir.ports.alerts import Booked
from weir.ports.source import Source
from weir.supervise.judge.concern import concerns_of
from weir.supervise.judge.pause import in_force
from weir.supervise.judge.report import report_of

EVENTS = 200  # timeline entries that a pass reads: verdicts and actions since the last pass


@dataclass(frozen=True)
class Passed:
    """The result of a pass."""

    book: Book  # the stored book
    decided: bool  # whether this pass wrote it
    more: bool = False  # whether windows are left to evaluate


def evaluate(store: AlertingStore, source: Source, counting: Rules | None, rules: JobRules, now: int, topic: str = "") -> Passed:
    """Evaluate once; `now` in ms. `counting` is None for a job that does not count; `topic` is what a landed job writes to.

    Raises NotRunning, BadSetting, Conflict (folds kept publishing while counts were read), NotProven. If only the topic cannot be read,
    the health is evaluated before it raises.
    """
    job = rules.job
    row, book = open_book(store, job)
    ledger.flush(store, book)  # first: the next decision replaces what it says
    followed, evaluated, amended, seen, more = _windows(store, source, counting, rules, book, now)
    pauses = in_force(store.pauses(job), now)
    rows, fault = _rows(source, topic, rules, book, bool(pauses))
    events = store.events(job, EVENTS)
    report = report_of(store.report(job))
    health = verdict_changes(events, report, book.health_at, now)
    found = Found(evaluated, amended, health, events, None if report is None else concerns_of(report.evidence), rows.messages)
    new = decide(book, rules, found, pauses, now)
    last = max((s.at for s in health), default=book.health_at)
    new = replace(new, rules=followed, rows=rows.read, health_at=max(book.health_at, last))
    more = more or rows.more
    # More landed batches alone are no decision: the next pass checks their windows again.
    passed = Passed(book, False, more) if new == book else _written(store, row, replace(new, at=now, seen=seen), more)
    if fault:
        raise fault
    return passed


def _rows(source: Source, topic: str, rules: JobRules, book: Book, paused: bool) -> tuple[RowsFound, WeirError | None]:
    """Return the new rows of the topic, and why it could not be read. Rows of a pause are sent when it has ended.

    A job without a position gets it in a pause, too: rows that land later in the pause are then sent.
    """
    if paused and book.rows:
        return RowsFound(book.rows), None
    try:
        return landed_rows.look(source, topic, rules, book.rows), None
    except WeirError as error:  # also a setting of Kafka, such as the file of its certificate
        return RowsFound(book.rows), error


def _windows(
    store: AlertingStore, source: Source, counting: Rules | None, rules: JobRules, book: Book, now: int
) -> tuple[Mapping[str, Followed], list[Evaluation], list[tuple[Evaluation, Evaluation]], tuple[int, int], bool]:
    """Return how far each rule is evaluated, the new evaluations, the amended ones, the position seen, and whether windows are left."""
    if counting is None or not rules.rules:
        return {}, [], [], book.seen, False
    known = {rule.name: _followed(book, rule) for rule in rules.rules}
    since = min((f.until for f in known.values() if f), default=now)
    sight = look(store, source, counting, None if since == NOTHING else since, now)
    if sight is None:
        return book.rules, [], [], book.seen, False
    evaluated, amended, followed, more = list[Evaluation](), list[tuple[Evaluation, Evaluation]](), dict[str, Followed](), False
    for rule in rules.rules:
        before = known[rule.name]
        span = due(rule.width, before.until if before else None, sight.settled, sorted({t.hour for t in sight.hours}))
        evaluated += ledger.evaluations(rule.name, outcomes(store, book.job, rule, span), now, counting.lateness)
        if before:
            amended += _amended(store, book, rule, before, sight, now, counting.lateness)
        followed[rule.name] = Followed(before.since if before else span.start, span.end, rule.fingerprint)
        more = more or span.end + rule.width <= sight.settled
    return followed, evaluated, amended, sight.seen, more


def _followed(book: Book, rule: Rule) -> Followed | None:
    """How far a rule is evaluated; None if it is new or changed. Such a rule is not applied to the past; `weir rules test` does that."""
    followed = book.rules.get(rule.name)
    return followed if followed and followed.fingerprint == rule.fingerprint else None


def _amended(
    store: AlertingStore, book: Book, rule: Rule, before: Followed, sight: CountsState, now: int, lateness: int
) -> list[tuple[Evaluation, Evaluation]]:
    """Return (before, after) of evaluated windows whose result changed, because batches wrote to their hours since."""
    touched = [t.hour for t in sight.hours if t.position > book.seen]
    pairs = []
    for span in again(rule.width, rule.windows, touched, max(before.since, before.until - AMENDED_WITHIN_MS), before.until):
        known = ledger.read(store, book.job, rule.name, span.start, span.end)
        for new in ledger.evaluations(rule.name, outcomes(store, book.job, rule, span), now, lateness, apart=True):
            old = ledger.decided(known, new.start)
            if old is not None and (old.keys, old.value) != (new.keys, new.value):
                pairs.append((old, new))
    return pairs


def _written(store: DecisionStore, row: Booked | None, new: Book, more: bool) -> Passed:
    """Write the new book. If another pass wrote first, return its book: it has seen the same or more."""
    noted = tuple(replace(e, revision=new.revision + 1) for e in new.noted)
    written = write(store, row, replace(new, noted=noted))
    if written is None:
        return Passed(open_book(store, new.job)[1], False, True)
    ledger.flush(store, written)
    return Passed(written, True, more)
