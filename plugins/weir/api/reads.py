"""The reading half of the service: the rows of the command line, in pages. Changes and judges nothing."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import dropwhile, islice
from typing import TYPE_CHECKING, Any

from spark_jobs.counts.cells import DAY_MS
from weir import rows
from weir.api.pages import cursor as next_of
from weir.api.pages import page, place_of
from weir.counts.progress import batches, ledger_row, samples
from weir.counts.rules import Rules
from weir.counts.signatures import signatures as signatures_of
from weir.counts.times import span_of
from weir.errors import BadInput, UnknownJob
from weir.jobs.kinds import Capability
from weir.jobs.specs import find, require
from weir.sink_readers import table
from weir.supervise.judge.doctor import examine
from weir.times import duration

if TYPE_CHECKING:
    from weir.ports.store import Store
    from weir.supervise.manager import Manager

MOST_SIGNATURES_MS = 400 * DAY_MS
MOST_SKIPPED = 10_000
ROWS_S = 10.0  # for a page of rows
Told = Any  # the routes name the model


def jobs(manager: Manager[Store], limit: int, cursor: str) -> Told:
    after = place_of(cursor, str)
    names = [name for name in sorted(manager.specs) if not after or name > after[0]]
    found = page(names, limit, lambda name: {"job": name}, lambda name: [name])
    return {**found, "items": rows.jobs(manager, [one["job"] for one in found["items"]])}


def health(manager: Manager[Store], job: str) -> Told:
    (report,) = manager.onlooker().reports({job: find(manager.specs, job)})
    return rows.health(report)


def timeline(manager: Manager[Store], job: str, limit: int, cursor: str) -> Told:
    manager.known(job)
    place = place_of(cursor, int, str)
    found = manager.store.events(job, limit + 1, (place[0], place[1]) if place else None)
    return page(found, limit, rows.event, lambda line: [line.at, line.id])


def ledger(manager: Manager[Store], job: str, limit: int, cursor: str) -> Told:
    require(manager.specs, job, Capability.LANDS)
    _known(manager, job)
    place = place_of(cursor, int, int)
    found = batches(manager.store, job, before=(place[0], place[1]) if place else None)
    return page(found, limit, ledger_row, lambda head: [head.by, head.batch_id])


def recounts(manager: Manager[Store], job: str, limit: int, cursor: str) -> Told:
    manager.known(job)
    require(manager.specs, job, Capability.RECOUNTS)
    begin = _skipped(cursor)
    found = list(enumerate(manager.store.recounts(job, begin + limit + 1)))[begin:]
    return page(found, limit, lambda one: rows.recount(one[1]), lambda one: [one[0] + 1])


def rejected(manager: Manager[Store], job: str, reason: str, limit: int, cursor: str) -> Told:
    require(manager.specs, job, Capability.COUNTS)
    _known(manager, job)
    begin = _skipped(cursor)
    found = islice(enumerate(samples(manager.store, job, reason or None)), begin, begin + limit + 1)
    return page(found, limit, lambda one: rows.rejected([one[1]])[0], lambda one: [one[0] + 1])


def rows_of(manager: Manager[Store], job: str, key: Sequence[str], limit: int, cursor: str) -> Told:
    spec = manager.spec(job)
    after = place_of(cursor, *(str for _ in table.read_as(spec).key))
    found = table.page(spec, key, after, limit, ROWS_S)
    return {"items": found.rows, "next": next_of(found.places[-1]) if found.more else None}


def versions(manager: Manager[Store], job: str, limit: int, cursor: str) -> Told:
    found, place = rows.versions(manager, job), place_of(cursor, str)
    rest = list(dropwhile(lambda row: row["version"] != place[0], found))[1:] if place else found
    return page(rest, limit, dict, lambda row: [row["version"]])


def checkpoint(manager: Manager[Store], job: str) -> Told:
    require(manager.specs, job, Capability.LANDS)
    seen = manager.checkpoint(job)
    if seen is None:
        raise UnknownJob(f"{job} has not been deployed yet.", f"Run: weir deploy {job}")
    findings = examine(seen)
    harmful = sum(not finding.harmless for finding in findings)
    return {**rows.checkpoint(seen, harmful), "findings": [rows.finding(finding) for finding in findings]}


def plan(manager: Manager[Store], job: str, to: str) -> Told:
    return rows.plan(manager.plan(job, to))


def signatures(manager: Manager[Store], job: str, since: str, until: str, service: str, now: int) -> Told:
    span = span_of(since, until, now)
    if span.until - span.since > MOST_SIGNATURES_MS:
        raise BadInput(f"since: this span is longer than {duration(MOST_SIGNATURES_MS)}.", "Ask for a shorter span.")
    manager.known(job)
    told = signatures_of(manager.store, Rules.of(manager.spec(job)), span, service)
    return {"items": told.pop("rows"), **told, "services": [{"service": name, "n": n} for name, n in told["services"]]}


def _known(manager: Manager[Store], job: str) -> None:
    """Check that the job is known: landed counts stay readable after its spec is gone. Raises UnknownJob, BadSpec."""
    if manager.store.head(job) is None:
        manager.known(job)


def _skipped(cursor: str) -> int:
    """Return how many rows to skip, for lists without a stable key. Raises BadInput."""
    (begin,) = place_of(cursor, int) or [0]
    if not 0 <= begin <= MOST_SKIPPED:
        raise BadInput(f"cursor: only the newest {MOST_SKIPPED} rows are available here.", "The command line lists all.")
    return int(begin)
