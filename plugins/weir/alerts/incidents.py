"""From evaluations and verdicts to incidents and messages: opened once, updated, resolved once. Pure: a book in, a book out.

Cause and group identify an incident: one for each rule and group, and one for the stream itself. Messages are written together with the
decision; the outbox delivers them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from weir.alerts import messages
from weir.alerts.book import CONCERN, STREAM, Ack, Book, Delivery, Evaluation, Fired, Incident, Message
from weir.alerts.health import VerdictChange, done, left_out
from weir.alerts.judge import Key
from weir.alerts.landed_rows import RowMessage
from weir.alerts.outbox import queued
from weir.alerts.rules import Absence, JobRules
from weir.errors import BadInput
from weir.ports.timeline import Event, Pause
from weir.supervise.judge.concern import Concern


@dataclass(frozen=True)
class Found:
    """What one pass has found. The `firing` of the evaluations has no incidents yet."""

    evaluated: Sequence[Evaluation] = ()  # in order of their windows
    amended: Sequence[tuple[Evaluation, Evaluation]] = ()  # before and after
    health: Sequence[VerdictChange] = ()
    events: Sequence[Event] = ()  # of the timeline, newest first
    concerns: Sequence[Concern] | None = None  # beside the stream's verdict; None: unknown
    rows: Sequence[RowMessage] = ()


def decide(book: Book, rules: JobRules, found: Found, pauses: Sequence[Pause], now: int) -> Book:
    """Return the book after a pass. While a pause is active, incidents open and end without messages."""
    desk = Desk(book, rules, pauses, found.events, now)
    for change in found.health:
        desk.see(change)
    if found.concerns is not None:
        desk.watch(found.concerns)
    noted = [desk.amend(before, after) for before, after in found.amended]
    noted += [desk.judged(evaluation) for evaluation in found.evaluated]
    desk.drop_rules()
    desk.report_moves()
    desk.report_opened()
    desk.report_rows(found.rows)
    return replace(desk.book(), noted=tuple(noted))


def acknowledge(book: Book, rules: JobRules, incident_id: str, who: str, comment: str, now: int) -> Book:
    """Return the book with an incident acknowledged. Raises BadInput if the incident is not open, or the comment is empty."""
    desk = Desk(book, rules, (), (), now)
    incident = next((i for i in book.incidents if i.id == incident_id), None)
    if incident is None:
        open_ones = ", ".join(i.id for i in book.incidents) or "none"
        raise BadInput(f"incident: {incident_id!r} is not open.", f"Open: {open_ones}.")
    if not comment.strip():
        raise BadInput("comment: an acknowledgement needs one; everybody notified reads it.", "Give --comment.")
    acked = desk.replace(incident, ack=Ack(who, comment, now))
    desk.write(acked, "acknowledged", messages.acknowledged(book.job, acked))
    return desk.book()


def incident_id(job: str, cause: str, key: Key, since: int) -> str:
    """Derive the id from the content, so that a repeated decision gives the same id."""
    digest = hashlib.sha256("\0".join([job, cause, *key, str(since)]).encode()).hexdigest()[:10]
    return f"{job}-{cause}-{digest}"


@dataclass
class Move:
    """Adjacent windows that late lines moved over the limit, or back under it (empty sentence)."""

    rule: str
    key: Key
    start: int
    end: int
    thread: str
    sentence: str


class Desk:
    """The working state of one pass: open incidents and new messages."""

    def __init__(self, book: Book, rules: JobRules, pauses: Sequence[Pause], events: Sequence[Event], now: int) -> None:
        self._book, self._rules, self._pauses, self._events, self._now = book, rules, pauses, events, now
        self._by_name: Mapping[str, object] = {rule.name: rule for rule in rules.rules}
        self._incidents, self._outbox, self._marks = list(book.incidents), list[Delivery](), list[Event]()
        self._was_open = {i.id for i in book.incidents}
        self._moves: list[Move] = []

    def book(self) -> Book:
        """Return the resulting book."""
        outbox = queued(self._book.outbox, self._outbox)
        return replace(self._book, incidents=tuple(self._incidents), outbox=outbox, marks=tuple(self._marks))

    # health

    def see(self, change: VerdictChange) -> None:
        """Open, update or resolve the stream's incident after a change of the verdict."""
        incident = self._open(STREAM)
        if change.well and incident:
            how = "ended: " + change.sentence if change.verdict == "stopped" else "recovered"
            self.resolve(incident, max(change.at, incident.since), how, left_out(self._events, incident.since))
        elif change.trouble or change.verdict == "unknown":
            if incident is None:
                self.open(STREAM, (), change.severity, change.at, change.sentence, change.next_step, self._rules.sinks)
            elif incident.severity != change.severity:
                self._changed(incident, change)

    def _changed(self, incident: Incident, change: VerdictChange) -> None:
        new = self.replace(incident, severity=change.severity, sentence=change.sentence, next_step=change.next_step)
        if incident.told and not self._pauses:
            self.write(new, "updated", messages.updated(self._book.job, new, done(self._events, new.since)))

    def watch(self, concerns: Sequence[Concern]) -> None:
        """Open an incident for each new concern, and resolve those that are over."""
        now = {(CONCERN + one.kind, one.key): one for one in concerns}
        for incident in [i for i in self._incidents if i.cause.startswith(CONCERN) and (i.cause, i.key) not in now]:
            self.resolve(incident, self._now, "over", None)
        for (cause, key), one in now.items():
            if self._open(cause, key) is None:
                self.open(cause, key, one.severity, one.since or self._now, one.sentence, one.next_step, self._rules.sinks)

    # rules

    def judged(self, evaluation: Evaluation) -> Evaluation:
        """Open incidents for the groups that fire, and resolve those that no longer do. Return the evaluation with its incidents."""
        for incident in [i for i in self._incidents if i.cause == evaluation.rule and i.key not in evaluation.keys]:
            self.resolve(incident, evaluation.start, "over", None)
        return replace(evaluation, firing=tuple(self._fired(evaluation, fired) for fired in evaluation.firing))

    def _fired(self, evaluation: Evaluation, fired: Fired) -> Fired:
        rule = self._by_name[evaluation.rule]
        stream = self._open(STREAM)
        incident = self._open(evaluation.rule, fired.key)
        if incident is None and stream is not None and isinstance(rule, Absence):
            return replace(fired, incident=stream.id)  # a stream that does not run is silent: its own incident covers that
        if incident is None:
            severity, sinks = self._terms(evaluation.rule)
            step = f"weir counts --job {self._book.job} --window 5m --by service,signature"
            incident = self.open(evaluation.rule, fired.key, severity, evaluation.start, fired.sentence, step, sinks, evaluation.late)
        return replace(fired, incident=incident.id)

    def amend(self, before: Evaluation, after: Evaluation) -> Evaluation:
        """Report once for each group that late lines moved a window over or under. On the newest window, also open or resolve."""
        newest = after.end == self._book.rules[after.rule].until if after.rule in self._book.rules else False
        known = {fired.key: fired.incident for fired in before.firing}
        firing = []
        for fired in after.firing:
            thread = known.get(fired.key) or self._moved_over(after, fired, newest)
            firing.append(replace(fired, incident=thread))
        for fired in (f for f in before.firing if f.key not in after.keys):
            self._moved_back(after, fired, newest)
        return replace(after, firing=tuple(firing), amended=before.amended or before.keys != after.keys)

    def _moved_over(self, after: Evaluation, fired: Fired, newest: bool) -> str:
        incident = self._open(after.rule, fired.key)
        if incident is None and newest:
            return self._fired(after, replace(fired, sentence=f"{fired.sentence}, by late lines")).incident
        thread = incident.id if incident else incident_id(self._book.job, after.rule, fired.key, after.start)
        return self._moved(after, fired.key, thread, fired.sentence)

    def _moved_back(self, after: Evaluation, fired: Fired, newest: bool) -> None:
        incident = next((i for i in self._incidents if i.id == fired.incident), None)
        if incident is not None and incident.cause == STREAM:
            return
        self._moved(after, fired.key, fired.incident, "")
        if incident is not None and newest:
            self.resolve(incident, after.start, "moved back by late lines", None)

    def _moved(self, window: Evaluation, key: Key, thread: str, sentence: str) -> str:
        """Record a moved window and return its thread: adjacent windows share one."""
        joins = (window.rule, key, window.start, not sentence)
        last = next((m for m in self._moves if (m.rule, m.key, m.end, not m.sentence) == joins), None)
        if last is None:
            self._moves.append(Move(window.rule, key, window.start, window.end, thread, sentence))
            return thread
        last.end = window.end
        return last.thread

    def report_moves(self) -> None:
        for move in self._moves if not self._pauses else ():
            severity, sinks = self._terms(move.rule)
            told = messages.amended(self._book.job, move.rule, move.key, move.start, move.end, move.sentence)
            self._post(move.thread, "amended", severity, sinks, told)

    def report_rows(self, rows: Sequence[RowMessage]) -> None:
        """Write a message for each row, in a thread of its own: a row is neither open nor over."""
        for row in rows:
            self._post(row.thread, "row", row.rule.severity, self._rules.sinks_of(row.rule), (row.title, row.text))

    def drop_rules(self) -> None:
        """Resolve the incidents of removed rules; nothing else would."""
        lost = [i for i in self._incidents if i.cause != STREAM and not i.cause.startswith(CONCERN) and i.cause not in self._by_name]
        for incident in lost:
            self.resolve(incident, self._now, "its rule was removed", None)

    def _terms(self, rule: str) -> tuple[str, tuple[str, ...]]:
        found = next(r for r in self._rules.rules if r.name == rule)
        return found.severity, self._rules.sinks_of(found)

    # incidents

    def _open(self, cause: str, key: Key = ()) -> Incident | None:
        return next((i for i in self._incidents if (i.cause, i.key) == (cause, key)), None)

    def open(
        self, cause: str, key: Key, severity: str, since: int, sentence: str, step: str, sinks: tuple[str, ...], late: bool = False
    ) -> Incident:
        """Open an incident. Its message is written at the end of the pass, so an incident that is over by then gets one message."""
        name = incident_id(self._book.job, cause, key, since)
        made = Incident(name, cause, key, severity, since, self._now, sentence, step, sinks, late=late)
        self._incidents.append(made)
        self._mark(made, f"opened: {sentence}")
        return made

    def resolve(self, incident: Incident, ended: int, how: str, lost: int | None) -> None:
        self._incidents = [i for i in self._incidents if i.id != incident.id]
        self._mark(incident, f"{how} after {messages.span(ended - incident.since)}")
        fresh = incident.id not in self._was_open
        if incident.told or (fresh and not self._pauses):
            self.write(incident, "resolved", messages.resolved(self._book.job, incident, ended, how, lost, not incident.told))

    def report_opened(self) -> None:
        """Write messages for open incidents without one, unless a pause is active; then they follow when it has ended."""
        for incident in [i for i in self._incidents if not i.told and not self._pauses]:
            silenced = "" if incident.id not in self._was_open else "a pause"
            told = messages.opened(self._book.job, incident, done(self._events, incident.since), silenced)
            self.write(self.replace(incident, told=True), "opened", told)

    def replace(self, incident: Incident, **changed: object) -> Incident:
        new = replace(incident, **changed)  # type: ignore[arg-type]
        self._incidents = [new if i.id == incident.id else i for i in self._incidents]
        return new

    def _mark(self, incident: Incident, told: str) -> None:
        detail = {"incident": incident.id, "cause": incident.cause, "severity": incident.severity}
        text = f"{messages.name_of(self._book.job, incident)}: {messages.plain(told)}"
        self._marks.append(Event(self._now, "alert", text, detail))

    # messages

    def write(self, incident: Incident, kind: str, told: tuple[str, str]) -> None:
        self._post(incident.id, kind, incident.severity, incident.sinks, told)

    def _post(self, thread: str, kind: str, severity: str, sinks: Iterable[str], told: tuple[str, str]) -> None:
        """Queue a message for each sink. The book's revision makes its id unique."""
        number = len({d.message.id for d in self._outbox})
        name = f"{thread}-{self._book.revision + 1}-{number}"
        message = Message(name, thread, self._book.job, kind, severity, told[0], told[1], self._now)
        self._outbox += [Delivery(message, sink) for sink in sinks]
