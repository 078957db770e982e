"""The job page: the data of one job from manager and store, panel by panel, as plain values. Judges nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from spark_jobs.protocol.partition import is_folder
from weir import rows
from weir.console import alerts, checkpoint, plots, start
from weir.console.describe import in_words
from weir.console.panels import Panel, Panels
from weir.counts.times import Span, at, bare, span_of
from weir.errors import BadSpec, NotRunning
from weir.jobs.kinds import Capability
from weir.jobs.models import of_kind
from weir.jobs.spec import parse
from weir.jobs.specs import find
from weir.supervise.actions import kind_of
from weir.supervise.judge.pause import in_force
from weir.supervise.judge.plan import differences

if TYPE_CHECKING:
    from weir.ports.jobs import VersionRow
    from weir.ports.reports import JobSnapshot
    from weir.ports.store import Store
    from weir.supervise.judge.report import Report
    from weir.supervise.manager import Manager

EVENTS, MOST_EVENTS = 20, 1000
STARTS = 3  # attempts that are searched for the newest one: some are only noted
NEEDS = {  # the sections that not every kind of job has
    "trust": Capability.RECOUNTS,
    "checkpoint": Capability.LANDS,
    "plot": Capability.COUNTS,
    "batches": Capability.LANDS,
    "marks": Capability.COUNTS,
}
NUMBERS = ("missing", "doubled", "late", "rejected", "checked_lines", "unchecked_lines", "gap_lines")  # of a recount, in lines


@dataclass(frozen=True)
class Asked:
    """The query of the page's address: how many timeline entries, and the span of the plots."""

    events: int = EVENTS
    since: str = ""
    until: str = ""


def look(manager: Manager[Store], panels: Panels, job: str, asked: Asked) -> dict[str, Panel]:
    """Load all panels. Raises UnknownJob, or NotRunning if the job has no spec here and the store does not answer."""
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
    return panels.load(job, _of_its_kind(manager, job, parts))


def follow(manager: Manager[Store], panels: Panels, job: str) -> dict[str, Panel]:
    """Load the panels that are live."""
    return panels.load(job, _of_its_kind(manager, job, followed(manager, job, EVENTS)))


def _of_its_kind(manager: Manager[Store], job: str, parts: Mapping[str, Callable[[], Any]]) -> Mapping[str, Callable[[], Any]]:
    """Return the sections that the job's kind has; all of them if its spec is gone."""
    kind = kind_of(manager, job)
    return {name: part for name, part in parts.items() if kind is None or name not in NEEDS or kind.can(NEEDS[name])}


def followed(manager: Manager[Store], job: str, events: int) -> Mapping[str, Callable[[], Any]]:
    return {
        "health": lambda: health(manager, job),
        "start": lambda: start.steps(snapshot_of(manager, job), lands=_lands(manager, job)),
        "timeline": lambda: timeline(manager, job, min(max(events, 1), MOST_EVENTS)),
    }


def _lands(manager: Manager[Store], job: str) -> bool:
    kind = kind_of(manager, job)
    return kind is None or kind.can(Capability.LANDS)


def snapshot_of(manager: Manager[Store], job: str) -> JobSnapshot:
    """Return the store's rows about the job. Raises NotRunning."""
    snapshot = manager.store.snapshots([job], STARTS)[job]
    if snapshot.trouble:
        raise NotRunning(f"{job}: {snapshot.trouble}", "See: weir status")
    return snapshot


def health(manager: Manager[Store], job: str) -> dict[str, Any]:
    """Return the verdict in words, the kinds of active pauses (`said`), and the progress of each partition."""
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
    """Return by partition: landed offset, end offset, lag, minutes until retention deletes unread lines. None means unknown."""
    evidence: Mapping[str, Any] = report.evidence
    landed, minutes = evidence.get("offsets") or {}, evidence.get("retention_minutes") or {}
    ends = evidence.get("end_offsets") or {} if evidence.get("lag") is not None else {}  # otherwise they are from an earlier check
    rows = []
    for partition in sorted({*landed, *ends}, key=_in_order):
        here, end = landed.get(partition, 0), ends.get(partition)
        left = minutes.get(partition)
        lag = None if end is None else max(0, end - here)
        rows.append({"partition": partition, "landed": here, "end": end, "lag": lag, "minutes": None if left is None else max(0, left)})
    return rows


def _in_order(partition: str) -> tuple[str, int]:
    """Sort by source, if the label has one, and by number. A folder has no number."""
    topic, _, number = (partition, "", "0") if is_folder(partition) else partition.rpartition("/")
    return topic, int(number)


def trust(manager: Manager[Store], job: str) -> dict[str, Any]:
    """Return how far the counts are proven, and the last recount (None if there was none)."""
    from weir.counts.proven import Proven

    proven = Proven.load(manager.store.proven(job)).as_evidence()
    last = next(iter(manager.store.recounts(job, 1)), None)
    return {"up_to": bare(proven["up_to"] or ""), "share": proven.get("share"), "recount": last and _recount(last)}


def _recount(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record for the page; None for fields that an older release did not keep."""
    kept = {name: record.get(name) for name in (*NUMBERS, "sample")}
    return {**kept, "rejected_by_reason": record.get("rejected_by_reason") or {}, "at": at(record.get("at") or 0)}


def timeline(manager: Manager[Store], job: str, limit: int) -> dict[str, Any]:
    """Return the newest entries, newest first, and how many to ask for next (0 if there are no more)."""
    found = manager.store.events(job, limit + 1)
    more = min(limit * 2, MOST_EVENTS) if len(found) > limit and limit < MOST_EVENTS else 0
    return {"events": [{**vars(event), "at": at(event.at)} for event in found[:limit]], "more": more}


def versions(manager: Manager[Store], job: str) -> Sequence[dict[str, Any]]:
    """Return the versions, newest first, each with the changes from the one before."""
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


def links(manager: Manager[Store], job: str) -> dict[str, str]:
    """Return the addresses of the driver's log and of Spark's web UI; empty if unknown."""
    from weir.airflow.session import settings

    return {"log": manager.log_link(job), "spark": settings().spark_ui.split(",")[0]}
