"""Judge a driver that its cluster has not started. Pure."""

from __future__ import annotations

from weir.ports.attempts import AttemptRow
from weir.supervise.judge.observation import Observation
from weir.supervise.judge.report import Verdict


def waiting(job: str, seen: Observation, row: AttemptRow, early: bool) -> tuple[Verdict, str, str]:
    """Return the verdict on a driver that the cluster has not started, or not given an executor. It is no failed start: a restart makes
    no room."""
    text = f"{job}: attempt {row.attempt} has not been started: {lack(seen)}"
    if early:
        return Verdict.STARTING, text, ""
    return Verdict.STALLED, text, f"correct what keeps it waiting and run weir deploy {job}, or make room: weir jobs, then weir stop JOB"


def lack(seen: Observation) -> str:
    return seen.waits_for or f"the cluster says that the driver is {seen.driver}, and does not say why"
