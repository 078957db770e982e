"""A report as a row for the list of jobs, on the command line and in the console."""

from __future__ import annotations

from typing import Any

from weir.supervise.judge.concern import concerns_of
from weir.supervise.judge.report import Report
from weir.times import iso


def summary(report: Report) -> dict[str, Any]:
    evidence = report.evidence
    proven: Any = evidence.get("proven") or {}
    return {
        "verdict": str(report.verdict),
        "paused": evidence.get("paused", ""),
        "standby": evidence.get("standby", ""),
        "concerns": ", ".join(concern.name for concern in concerns_of(evidence)),
        "since": iso(report.since) if report.since else "",
        "attempt": report.attempt,
        "epoch": evidence.get("epoch"),
        "batch_id": evidence.get("batch_id"),
        "lag": evidence.get("lag"),
        "proven_up_to": proven.get("up_to"),  # ms: landed by then
        "proven_share": proven.get("share"),
    }
