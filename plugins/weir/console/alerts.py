"""Incidents and messages for the pages, from the jobs' books and inboxes. Judges nothing."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any, get_args
from urllib.parse import quote

from weir.alerts import messages as words
from weir.alerts.book import Book, Incident, Message
from weir.alerts.incidents import acknowledge
from weir.alerts.keep import change, open_book
from weir.alerts.rules import JobRules, Severity
from weir.alerts.sink import message_of
from weir.console import rules
from weir.counts.times import at
from weir.errors import Conflict
from weir.jobs.specs import find as spec_of
from weir.supervise.judge.pause import in_force, in_words

if TYPE_CHECKING:
    from weir.ports.store import Store
    from weir.supervise.manager import Manager

Row = dict[str, Any]
WORST_FIRST = list(get_args(Severity))
TONES = {"critical": "bad", "warning": "doubtful"}
MESSAGES, MOST_MESSAGES = 50, 500


def now() -> int:
    """Return the present time in ms."""
    return round(time.time() * 1000)


def look(manager: Manager[Store], job: str) -> dict[str, Any]:
    """Return open incidents, undelivered messages, pauses and rules of a job, or of all jobs if it is empty. Raises UnknownJob."""
    jobs = [spec_of(manager.specs, job).name] if job else list(manager.specs)
    books = {name: Book.from_json(row.record) for name, row in manager.store.books(jobs).items()}
    told: dict[str, Any] = {"rules": [], "trouble": []}
    for name, found in rules.of_all(manager).items():
        if not isinstance(found, JobRules):
            told["trouble"].append(str(found))
        elif name in jobs:
            told["rules"] += [rules.row(found, rule, books.get(name, Book(name))) for rule in found.rules]
    opened = [incident_row(book.job, one) for book in books.values() for one in book.incidents]
    told["incidents"] = sorted(opened, key=lambda row: (WORST_FIRST.index(row["severity"]), row["since"]))
    told["undelivered"] = [row for book in books.values() for row in undelivered(book)]
    return {**told, "silenced": list(_silenced(manager, jobs))}


def of_job(manager: Manager[Store], job: str) -> dict[str, Any]:
    """Return open incidents and undelivered messages of one job, for its own page."""
    book = open_book(manager.store, job)[1]
    return {"incidents": [incident_row(job, one) for one in book.incidents], "undelivered": list(undelivered(book))}


def incident_row(job: str, incident: Incident) -> Row:
    ack = incident.ack and {"who": incident.ack.who, "comment": incident.ack.comment, "at": at(incident.ack.at)}
    name = words.name_of(job, incident).removeprefix(f"{job}: ")
    kept = {"id": incident.id, "severity": incident.severity, "sentence": incident.sentence, "next_step": incident.next_step}
    page = {"job": job, "path": quote(job, safe=""), "id_path": quote(incident.id, safe="")}
    shown = {"name": name, "ack": ack, "told": incident.told, "since": at(incident.since), "tone": TONES.get(incident.severity, "")}
    return {**kept, **page, **shown}


def undelivered(book: Book) -> Iterator[Row]:
    for d in book.outbox:
        if d.trouble:
            yield {"job": book.job, "sink": d.sink, "tries": d.tries, "title": d.message.title, "trouble": d.trouble}


def _silenced(manager: Manager[Store], jobs: Collection[str]) -> Iterator[Row]:
    """Yield the active pauses."""
    for job, snapshot in manager.store.snapshots(jobs, 1).items():
        for pause in in_force(snapshot.pauses, now()):
            yield {"job": job, "path": quote(job, safe=""), "words": in_words(pause), "kind": pause.kind}


# one incident


def incident(manager: Manager[Store], job: str, incident_id: str) -> Row:
    """Return an open incident. Raises UnknownJob, or Conflict if it is not open."""
    spec_of(manager.specs, job)
    found = next((one for one in open_book(manager.store, job)[1].incidents if one.id == incident_id), None)
    if found is None:
        raise Conflict(f"{incident_id} is not an open incident. Nothing was done.", "Reload the alerts.")
    return incident_row(job, found)


def acknowledged(manager: Manager[Store], job: str, incident_id: str, who: str, comment: str) -> None:
    """Acknowledge an incident. Raises UnknownJob, BadRules, BadInput without a comment, Conflict if it is not open."""
    incident(manager, job, incident_id)
    known = rules.of(manager, job)
    change(manager.store, job, lambda book: acknowledge(book, known, incident_id, who, comment, now()))


# the inbox


def inbox(manager: Manager[Store], job: str, last: int) -> Sequence[Row]:
    """Return the newest messages in the local inbox, newest first, of a job, or of all jobs if it is empty. Raises UnknownJob."""
    jobs = [spec_of(manager.specs, job).name] if job else list(manager.specs)
    last = min(max(last, 1), MOST_MESSAGES)
    found = [message_of(mail) for mails in manager.store.inboxes(jobs, last).values() for mail in mails]
    newest = sorted(found, key=lambda m: (-m.at, m.id))[:last]
    return [{**vars(m), "at": at(m.at), "path": quote(m.job, safe=""), "tone": _tone(m)} for m in newest]


def _tone(message: Message) -> str:
    return "good" if message.kind == "resolved" else TONES.get(message.severity, "")
