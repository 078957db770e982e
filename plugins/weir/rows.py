"""Rows about jobs, for commands (`--format json`) and the REST service. Times are in ISO 8601; empty for none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from spark_jobs.counts.cells import RejectedLine
from weir.output import readable
from weir.ports.jobs import VersionRow
from weir.ports.timeline import Event
from weir.supervise.judge.summary import summary
from weir.times import iso

if TYPE_CHECKING:
    from weir.supervise.judge.doctor import Finding, Seen
    from weir.supervise.judge.plan import Plan
    from weir.supervise.judge.report import Report
    from weir.supervise.manager import Manager

Row = dict[str, Any]
EVENT = ("at", "kind", "attempt", "who", "text", "reason")
REJECTED = ("topic", "partition", "offset", "service", "reason", "value")
MOMENTS = (  # in ms, and so is every name that ends in _at
    "at",
    "since",
    "waits_since",
    "lag_since",
    "lag_seen",
    "behind_since",
    "silent_since",
    "not_before",
)


def jobs(manager: Manager, names: Iterable[str]) -> list[Row]:
    """Return each job with its desired state and verdict."""
    specs = {job: manager.specs[job] for job in names}
    reports = manager.onlooker().reports(specs)
    wanted = {job: manager.store.job(job) for job in specs}
    told = {job: {"desired": row.desired if row else "not deployed", "version": row.version if row else ""} for job, row in wanted.items()}
    return [{"job": r.job, "kind": specs[r.job].kind.name, **told[r.job], **summary(r)} for r in reports]


def health(report: Report) -> Row:
    """Return the verdict with its evidence."""
    return facts({**report.as_dict(), "evidence": facts(report.evidence)})


def facts(values: Mapping[str, object]) -> Row:
    """Return facts for programs: every time in ISO 8601, empty if there was none."""
    return {name: moment(value) if is_moment(name) and isinstance(value, int) else value for name, value in values.items()}


def is_moment(name: str) -> bool:
    return name in MOMENTS or name.endswith("_at")


def moment(at: int) -> str:
    return iso(at) if at else ""


def event(line: Event) -> Row:
    """Return an entry of the timeline."""
    return {**dict.fromkeys(EVENT), **vars(line), "at": iso(line.at)}


def versions(manager: Manager, job: str) -> list[Row]:
    """Return the deployed versions, newest first. Raises UnknownJob."""
    return versions_of(manager, job, manager.versions(job))


def versions_of(manager: Manager, job: str, found: Sequence[VersionRow]) -> list[Row]:
    """Return the same for the given versions."""
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
    """Return the checkpoint that the next attempt continues from; `harmful` is the number of harmful findings."""
    from weir.supervise.judge.lineage import usable

    plans, folder = usable(seen.folder, seen.folders), seen.folder
    ends = plans.planned if plans else {}
    offsets = dict(plans.shown(plans.committed)) if plans and plans.committed in ends else {}
    return {
        "job": seen.after.job,
        "health": f"{harmful} finding{'' if harmful == 1 else 's'}: weir checkpoint {seen.after.job} --doctor" if harmful else "ok",
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
    """Return what a deploy would do."""
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
    """Return samples of rejected lines; bytes as text that can be decoded again."""
    return [{**{name: getattr(line, name) for name in REJECTED}, "value": readable(line.value)} for line in lines]


def recount(record: Mapping[str, Any]) -> Row:
    """Return the stored result of a recount."""
    return {**record, "at": moment(record.get("at") or 0)}
