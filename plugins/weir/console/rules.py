"""Alert rules for the pages: when each fires, how far it is evaluated, when it would have fired."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from spark_jobs.counts.cells import DAY_MS
from weir.alerts.book import Book
from weir.alerts.condition import condition
from weir.alerts.keep import open_book
from weir.alerts.replay import replay
from weir.alerts.rules import JobRules, Rule, find, load, read_all
from weir.counts.closed import NOTHING
from weir.counts.times import at, span_of
from weir.errors import BadInput, BadRules
from weir.jobs.specs import all_in_force
from weir.settings import Settings

if TYPE_CHECKING:
    from weir.ports.store import Store
    from weir.supervise.manager import Manager

SINCE, MOST_DAYS = "24h", 31  # a page waits half a minute; a year of windows takes longer


def of_all(manager: Manager[Store]) -> Mapping[str, JobRules | BadRules]:
    """Return the rules of every job, or the error in its file."""
    return read_all(Path(Settings.load().rules), all_in_force(manager.specs, manager.store.jobs()))


def of(manager: Manager[Store], job: str) -> JobRules:
    """Return the job's alert rules. Raises UnknownJob, BadSpec, BadRules."""
    return load(Path(Settings.load().rules), manager.spec(job))


def row(rules: JobRules, rule: Rule, book: Book) -> dict[str, Any]:
    """Return a rule with the time it is evaluated up to (empty for not yet), and the number of its open incidents."""
    followed = book.rules.get(rule.name)
    until = followed.until if followed and followed.fingerprint == rule.fingerprint else NOTHING
    return {
        "job": rules.job,
        "path": quote(rules.job, safe=""),
        "name": rule.name,
        "description": rule.description,
        "condition": condition(rule),
        "severity": rule.severity,
        "sinks": rules.sinks_of(rule),
        "until": "" if until == NOTHING else at(until),
        "open": sum(1 for one in book.incidents if one.cause == rule.name),
    }


def replayed(manager: Manager[Store], job: str, name: str, since: str, until: str, now: int) -> dict[str, Any]:
    """Return when a rule would have fired, by the stored counts. Raises UnknownJob, BadRules, BadInput."""
    rules = of(manager, job)
    rule, span = find(rules, name), span_of(since or SINCE, until, now)
    if span.until - span.since > MOST_DAYS * DAY_MS:
        raise BadInput(f"since: a page tests at most {MOST_DAYS} days.", f"For more: weir rules test {name} --job {job} --since TIME")
    firings = replay(manager.store, job, rule, span.since, span.until)
    rows = [{"since": at(f.start), "until": at(f.end), "key": " ".join(f.key), "worst": f.sentence} for f in firings]
    shown = row(rules, rule, open_book(manager.store, job)[1])
    return {"rule": shown, "rows": rows, "since": at(span.since), "until": at(span.until)}
