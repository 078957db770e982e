"""Judge standbys, the warm second drivers that make takeovers quick: which one may be promoted, which ones must end, and whether to start
one. Pure. A standby owns nothing: if none fits, a driver is started as usual."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from itertools import takewhile

from weir.ports.cluster import DriverState
from weir.ports.jobs import JobRow
from weir.ports.standbys import StandbyRow
from weir.supervise.judge.observation import SPARK_SUBMIT_MS, Observation
from weir.supervise.judge.report import Report, Verdict

States = Mapping[str, DriverState]  # by submission id; missing means unknown
SUBMIT_MS = SPARK_SUBMIT_MS  # between the record of a standby and that of its submission
WARM_MS = 600_000  # to become ready; half a minute on an idle machine
AGAIN_MS, AGAIN_MOST_MS = 60_000, 3_600_000  # between two that were not promoted: one that keeps dying must not use up the machine
END_MS = 30_000  # for a retired one to end by itself, which takes a second; then the cluster kills it
FORGET_MS = 600_000  # after that a retired one is no longer checked
WELL = {Verdict.OK, Verdict.IDLE, Verdict.CATCHING_UP}


class Duty(StrEnum):
    NONE = "none"
    START = "start"
    RETIRE = "retire"


def wanted_version(wanted: JobRow | None) -> str:
    """Return the version for which a standby is wanted; empty if none is."""
    return wanted.version if wanted and wanted.desired == "running" and _is_warm(wanted.spec) else ""


def asked_about(rows: Sequence[StandbyRow], now: int) -> list[str]:
    """Return the submissions whose state matters: waiting ones, and recently retired ones."""
    there = [r for r in rows if r.waits or (r.retired_at and not r.attempt and now - r.retired_at < FORGET_MS)]
    return [r.submission_id for r in there if r.submission_id]


def fitting(rows: Sequence[StandbyRow], states: States, version: str) -> StandbyRow | None:
    """Return the newest one that can be promoted for a version: ready, waiting, and running according to the cluster."""
    fit = (r for r in rows if r.waits and r.ready_at and r.version == version and _state(r, states) is DriverState.RUNNING)
    return next(fit, None)


def superfluous(rows: Sequence[StandbyRow], states: States, version: str, now: int) -> list[StandbyRow]:
    """Return the useless ones: of another version, ended, never ready, or beside a newer one."""
    waiting = [r for r in rows if r.waits]
    good = next((r for r in waiting if r.version == version and not _hopeless(r, states, now)), None)
    return [r for r in waiting if r is not good]


def lingering(rows: Sequence[StandbyRow], states: States, now: int) -> list[StandbyRow]:
    """Return retired ones that had time to end but have not."""
    late = [r for r in rows if r.retired_at and not r.attempt and now - r.retired_at > END_MS]
    return [r for r in late if _state(r, states) in (DriverState.SUBMITTED, DriverState.RUNNING)]


def due(rows: Sequence[StandbyRow], states: States, version: str, now: int) -> bool:
    """Return whether to start one: it is wanted, and none is there or starting. Each one that was not promoted doubles the wait for the
    next."""
    if not version or len(superfluous(rows, states, version, now)) < sum(r.waits for r in rows):
        return False
    fruitless = list(takewhile(lambda r: r.version == version and not r.attempt, rows))
    if not fruitless:
        return True
    pause: int = min(AGAIN_MOST_MS, AGAIN_MS * 2 ** (len(fruitless) - 1))
    return now - fruitless[0].submitted_at >= pause


def duty(seen: Observation, report: Report) -> Duty:
    """Return the due action on a job's standbys. One is started only beside a healthy driver that has landed, so it slows down no start."""
    rows, states, now = seen.standbys, seen.standby_states, seen.now
    version = wanted_version(seen.wanted)
    if superfluous(rows, states, version, now) or lingering(rows, states, now):
        return Duty.RETIRE
    well = report.verdict in WELL and report.attempt > 0 and seen.landed_attempt == report.attempt and not seen.paused
    return Duty.START if well and due(rows, states, version, now) else Duty.NONE


def in_a_word(seen: Observation) -> str:
    """Return ready, starting or none; empty if none is wanted and none exists."""
    version, rows = wanted_version(seen.wanted), seen.standbys
    if fitting(rows, seen.standby_states, version):
        return "ready"
    if any(r.waits and r.version == version and not _hopeless(r, seen.standby_states, seen.now) for r in rows):
        return "starting"
    return "none" if version else ""


@lru_cache(4096)
def _is_warm(spec: str) -> bool:
    """Return whether a spec, as JSON, wants a standby. Used for each job at each pass: parsing the whole spec would take far longer."""
    try:
        return bool(json.loads(spec).get("standby") == "warm")
    except (ValueError, AttributeError):
        return False


def _state(row: StandbyRow, states: States) -> DriverState:
    return states.get(row.submission_id, DriverState.UNKNOWN)


def _hopeless(row: StandbyRow, states: States, now: int) -> bool:
    if not row.submission_id:
        return now - row.submitted_at > SUBMIT_MS
    return _state(row, states).ended or (not row.ready_at and now - row.submitted_at > WARM_MS)
