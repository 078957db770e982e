"""What is known of a job, as rows: what commands print as JSON, and the REST service answers. Times are in ISO 8601, empty for none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from spark_jobs.counts.cells import RejectedLine
from weir.output import readable
from weir.ports.jobs import VersionRow
from weir.ports.timeline import Event
from weir.supervise.summary import summary
from weir.times import iso

if TYPE_CHECKING:
    from weir.supervise.doctor import Finding, Seen
    from weir.supervise.manager import Manager
    from weir.supervise.plan import Plan
    from weir.supervise.report import Report

Row = dict[str, Any]
EVENT = ("at", "kind", "attempt", "who", "text", "reason")
REJECTED = ("topic", "partition", "offset", "service", "reason", "value")
MOMENTS = ("at", "since", "lag_since", "lag_seen", "behind_since", "silent_since", "not_before")  # and every name that ends in _at: in ms


def jobs(manager: Manager, names: Iterable[str]) -> list[Row]:
    """What is wanted of each job, and how it is."""
    specs = {job: manager.specs[job] for job in names}
    reports = manager.onlooker().reports(specs)
    wanted = {job: manager.store.job(job) for job in specs}
    told = {job: {"desired": row.desired if row else "not deployed", "version": row.version if row else ""} for job, row in wanted.items()}
    return [{"job": r.job, "kind": specs[r.job].kind.name, **told[r.job], **summary(r)} for r in reports]


def health(report: Report) -> Row:
    """The verdict with its evidence."""
    return facts({**report.as_dict(), "evidence": facts(report.evidence)})


def facts(values: Mapping[str, object]) -> Row:
    """Facts for programs: every moment in ISO 8601, empty if there was none."""
    return {name: moment(value) if is_moment(name) and isinstance(value, int) else value for name, value in values.items()}


def is_moment(name: str) -> bool:
    return name in MOMENTS or name.endswith("_at")


def moment(at: int) -> str:
    return iso(at) if at else ""


def event(line: Event) -> Row:
    """A line of the timeline."""
    return {**dict.fromkeys(EVENT), **vars(line), "at": iso(line.at)}


def versions(manager: Manager, job: str) -> list[Row]:
    """The versions that were deployed, the last one first. Raises UnknownJob."""
    return versions_of(manager, job, manager.versions(job))


def versions_of(manager: Manager, job: str, found: Sequence[VersionRow]) -> list[Row]:
    """The same of those that were found."""
    kept, wanted = manager.kept(), manager.store.job(job)
    return [
        {
            "version": row.version,
            "deployed_at": moment(row.deployed_at),
            "current": wanted is not None and wanted.version == row.version,
            "good": row.good,
            "kept": row.version in kept,
        }
        for row in found
    ]


def checkpoint(seen: Seen, harmful: int) -> Row:
    """What the next attempt goes on from; `harmful` is how many findings of the doctor are."""
    from weir.supervise.lineage import usable

    plans, folder = usable(seen.folder), seen.folder
    ends = plans.planned if plans else {}
    offsets = dict(plans.shown(plans.committed)) if plans and plans.committed in ends else {}
    return {
        "job": seen.after.job,
        "health": f"{harmful} findings: weir checkpoint {seen.after.job} --doctor" if harmful else "ok",
        "epoch": folder.epoch,
        "attempt": folder.attempt,
        "planned_batch": plans.newest if ends and plans else None,
        "committed_batch": plans.committed if offsets and plans else None,
        "offsets": offsets,
        "bytes": sum(folder.sizes.values()),
        "files": len(folder.sizes),
        "location": folder.location,
    }


def finding(found: Finding) -> Row:
    return {"path": found.path or "(the folder)", "finding": found.what, "action": found.action, "harmless": found.harmless}


def plan(planned: Plan) -> Row:
    """What a deploy would do."""
    return {
        "job": planned.job,
        "version": planned.version,
        "before": planned.before,
        "kind": str(planned.kind),
        "why": list(planned.change.why),
        "differences": list(planned.differences),
        "checks": [vars(check) for check in planned.checks],
        "refusals": planned.refusals,
    }


def rejected(lines: Sequence[RejectedLine]) -> list[Row]:
    """Samples of lines that were not counted; bytes as text that can be turned back."""
    return [{**{name: getattr(line, name) for name in REJECTED}, "value": readable(line.value)} for line in lines]


def recount(record: Mapping[str, Any]) -> Row:
    """What a recount found, as it was kept."""
    return {**record, "at": moment(record.get("at") or 0)}
