"""The job page: what the manager and the store say of one job, panel by panel, as plain values. Nothing is judged here."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from weir import rows
from weir.console import alerts, checkpoint, plots, start
from weir.console.describe import in_words
from weir.console.panels import Panel, Panels
from weir.counts.times import Span, at, bare, span_of
from weir.errors import BadSpec, NotRunning
from weir.jobs.models import of_kind
from weir.jobs.spec import parse
from weir.jobs.specs import find
from weir.supervise.pause import in_force
from weir.supervise.plan import differences

if TYPE_CHECKING:
    from weir.ports.jobs import Glance, VersionRow
    from weir.supervise.manager import Manager
    from weir.supervise.report import Report

EVENTS, MOST_EVENTS = 20, 1000
STARTS = 3  # attempts to look for the newest: some are only noted
NUMBERS = ("missing", "doubled", "late", "rejected", "checked_lines", "unchecked_lines", "gap_lines")  # of a recount, in lines


@dataclass(frozen=True)
class Asked:
    """What the address of the page says: how many lines of the timeline, and the span of the plot."""

    events: int = EVENTS
    since: str = ""
    until: str = ""


def look(manager: Manager, panels: Panels, job: str, asked: Asked) -> dict[str, Panel]:
    """Raises UnknownJob, or NotRunning if the store does not tell of a job that has no spec here."""
    manager.known(job)
    now = int(time.time() * 1000)

    def span() -> Span:
        return span_of(asked.since, asked.until, now)

    parts = {
        **followed(manager, job, asked.events),
        "trust": lambda: trust(manager, job),
        "incidents": lambda: alerts.of_job(manager, job),
        "checkpoint": lambda: checkpoint.in_words(job, manager.checkpoint(job)),
        "versions": lambda: versions(manager, job),
        "links": lambda: links(manager, job),
        "plot": lambda: plots.errors(manager, job, span()),
        "batches": lambda: plots.batches(manager, job, span()),
        "marks": lambda: plots.marks(manager, job, span()),
    }
    return panels.load(job, parts)


def follow(manager: Manager, panels: Panels, job: str) -> dict[str, Panel]:
    """What of the page changes from one moment to the next."""
    return panels.load(job, followed(manager, job, EVENTS))


def followed(manager: Manager, job: str, events: int) -> Mapping[str, Callable[[], Any]]:
    return {
        "health": lambda: health(manager, job),
        "start": lambda: start.steps(glanced(manager, job)),
        "timeline": lambda: timeline(manager, job, min(max(events, 1), MOST_EVENTS)),
    }


def glanced(manager: Manager, job: str) -> Glance:
    """Raises NotRunning."""
    glance = manager.store.glance([job], STARTS)[job]
    if glance.trouble:
        raise NotRunning(f"{job}: {glance.trouble}", "See: weir status")
    return glance


def health(manager: Manager, job: str) -> dict[str, Any]:
    """The verdict in words, what a person has said of the job, and how far each partition has come."""
    (report,) = manager.onlooker().reports({job: find(manager.specs, job)})
    said = {pause.kind for pause in in_force(manager.store.pauses(job), report.at)}
    landed_at = report.evidence.get("landed_at")
    return {
        **in_words(report),
        "said": said,
        "found": report.found,
        "landed_at": at(landed_at) if isinstance(landed_at, int) else "",
        "partitions": partitions(report),
    }


def partitions(report: Report) -> Sequence[dict[str, Any]]:
    """By partition: up to where lines landed, where the topic ends, lag, minutes until retention reaches it; None for not known."""
    evidence: Mapping[str, Any] = report.evidence
    landed, minutes = evidence.get("offsets") or {}, evidence.get("retention_minutes") or {}
    ends = evidence.get("end_offsets") or {} if evidence.get("lag") is not None else {}  # else they are of an earlier moment
    rows = []
    for partition in sorted({*landed, *ends}, key=int):
        here, end = landed.get(partition, 0), ends.get(partition)
        left = minutes.get(partition)
        lag = None if end is None else max(0, end - here)
        rows.append({"partition": partition, "landed": here, "end": end, "lag": lag, "minutes": None if left is None else max(0, left)})
    return rows


def trust(manager: Manager, job: str) -> dict[str, Any]:
    """How far the counts are proven, and what the last recount found, None if there was none."""
    from weir.counts.proven import Proven

    proven = Proven.load(manager.store.proven(job)).as_evidence()
    last = next(iter(manager.store.recounts(job, 1)), None)
    return {"up_to": bare(proven["up_to"] or ""), "share": proven.get("share"), "recount": last and _recount(last)}


def _recount(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record as the page shows it; None for what an older release did not keep."""
    kept = {name: record.get(name) for name in (*NUMBERS, "sample")}
    return {**kept, "rejected_by_reason": record.get("rejected_by_reason") or {}, "at": at(record.get("at") or 0)}


def timeline(manager: Manager, job: str, limit: int) -> dict[str, Any]:
    """The newest lines, newest first, and how many to ask for next; 0 if there are no more."""
    found = manager.store.events(job, limit + 1)
    more = min(limit * 2, MOST_EVENTS) if len(found) > limit and limit < MOST_EVENTS else 0
    return {"events": [{**vars(event), "at": at(event.at)} for event in found[:limit]], "more": more}


def versions(manager: Manager, job: str) -> Sequence[dict[str, Any]]:
    """The versions, the last one first, each with what differs from the one before it."""
    found = manager.versions(job)
    changes = [*(_changes(newer, older) for newer, older in pairwise(found)), ()]
    told = rows.versions_of(manager, job, found)
    return [{**row, "deployed_at": bare(row["deployed_at"]), "changes": changed} for row, changed in zip(told, changes, strict=False)]


def _changes(newer: VersionRow, older: VersionRow) -> Sequence[str]:
    try:
        was, became = parse(older.spec, older.version), parse(newer.spec, newer.version)
    except BadSpec:
        return ("this release cannot read its spec",)
    return differences(was, became, of_kind(became))


def links(manager: Manager, job: str) -> dict[str, str]:
    """Where the driver's log and Spark's own page are; empty for not known."""
    from weir.airflow.session import settings

    return {"log": manager.log_link(job), "spark": settings().spark_ui.split(",")[0]}
