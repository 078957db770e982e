"""Decide whether to roll back a deployed version: only if the version itself is at fault. Pure.

An outage (broker, master, worker, store) or a truncated log is no fault of a version: a rollback would only cost another start. While the
cause is unknown, the version stays, and in the end the watch decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from spark_jobs.runtime.contract import Exit
from weir.jobs.spec import Health
from weir.ports.attempts import AttemptRow
from weir.ports.cluster import DriverState
from weir.ports.jobs import VersionRow
from weir.supervise.judge.landed_verdict import BY_REASON
from weir.supervise.judge.observation import Observation
from weir.supervise.judge.room import lack
from weir.supervise.judge.unfenced import CONFIRMED, ENDED

TWICE = 2  # drivers of one version that ended before they began and recorded no exit: a single one may have been killed


class Fate(StrEnum):
    LEAVE = "leave"
    WAIT = "wait"
    ROLL_BACK = "roll back"


@dataclass(frozen=True)
class Ruling:
    """What becomes of the version, why, and the version to go back to."""

    fate: Fate
    why: str
    to: VersionRow | None = None


def rule(seen: Observation, versions: Sequence[VersionRow], health: Health, lag_since: int, late: bool) -> Ruling:
    """Return the ruling. `versions` are the current one and those to go back to, the last deployed first.

    `lag_since` (ms) is since when input waits and nothing has landed; `late`: the time in which the driver had to be ready is over.
    """
    if seen.wanted is None or seen.wanted.desired != "running" or seen.head is None:
        return Ruling(Fate.LEAVE, "it should not run")
    current = seen.wanted.version
    if any(v.good for v in versions if v.version == current):
        return Ruling(Fate.LEAVE, f"version {current} has been ready before")
    to = next((v for v in versions if v.good and v.version != current), None)
    if to is None:
        return Ruling(Fate.LEAVE, "no other version has ever been ready, or is kept")
    fate, why = _fault(seen, health, lag_since, late)
    if fate is Fate.WAIT and late:
        return Ruling(Fate.LEAVE, f"{why}: it is unknown whether the version is at fault")
    return Ruling(fate, why, to if fate is Fate.ROLL_BACK else None)


def _fault(seen: Observation, health: Health, lag_since: int, late: bool) -> tuple[Fate, str]:
    row = seen.attempt
    if seen.lost or seen.another_topic or seen.gone:
        return Fate.LEAVE, "lines are lost"
    # The watch may have started the next driver of the version by now: that the one before failed stands.
    if failed := next((a for a in _tries(seen) if _is_at_fault(seen, a)), None):
        return Fate.ROLL_BACK, f"the driver of attempt {failed.attempt} failed: {_first_line(failed.exit_error)}"
    if row is None or not row.submission_id:
        return Fate.WAIT, "the cluster has not accepted a driver"
    if row.exit_reason in ("diverged", "lost", CONFIRMED, *BY_REASON):
        return Fate.LEAVE, f"the driver ended as {row.exit_reason}: {_first_line(row.exit_error)}"
    if seen.driver is DriverState.UNKNOWN or _blind(seen):
        return Fate.WAIT, "cluster or broker does not answer"
    return _ended(seen, row, late) if seen.driver.ended else _alive(seen, row, health, lag_since, late)


def _is_at_fault(seen: Observation, row: AttemptRow) -> bool:
    """Return whether a driver ended by its version's own error. A version that keeps state cannot continue a job that had none: Spark says
    that state is missing."""
    kept_none = seen.head is not None and not seen.head.stateful
    return row.exit_reason == "failed" or (row.exit_reason == Exit.STATE_LOST.name.lower() and kept_none)


def _blind(seen: Observation) -> bool:
    """Return whether the lag is unknown. For queries that read no Kafka topic, that is normal."""
    return seen.lag is None and (seen.queries is None or seen.queries.found is None or seen.queries.read_kafka)


def _tries(seen: Observation) -> Sequence[AttemptRow]:
    """Return the attempts since the version was deployed last, newest first: earlier deploys of it do not count."""
    tries: list[AttemptRow] = []
    for attempt in seen.attempts:
        tries.append(attempt)
        if attempt.cause == "deploy":
            break
    return tries


def _ended(seen: Observation, row: AttemptRow, late: bool) -> tuple[Fate, str]:
    """Judge a driver that ran out of memory, which is retried once with more; or that recorded no exit.

    A JVM that cannot start with the spec's options ends like that each time, a driver that was killed does not.
    """
    starved = [a for a in _tries(seen) if a.exit_reason == DriverState.OUT_OF_MEMORY]
    if row in starved and (late or len(starved) >= TWICE or not _began(seen, row)):
        return Fate.ROLL_BACK, f"the driver of attempt {row.attempt} ran out of memory: {_first_line(row.exit_error)}"
    silent = [a for a in _tries(seen) if a.submission_id and a.exit_reason in ("", ENDED) and not _began(seen, a)]
    if row in silent and len(silent) >= TWICE and seen.driver not in (DriverState.KILLED, DriverState.LOST):
        return Fate.ROLL_BACK, f"{len(silent)} drivers in a row ended before they had begun"
    return Fate.WAIT, f"it was killed or lost (the cluster says {seen.driver})"


def _alive(seen: Observation, row: AttemptRow, health: Health, lag_since: int, late: bool) -> tuple[Fate, str]:
    running_s, waited_s = (seen.now - row.submitted_at) / 1000, (seen.now - max(lag_since, row.submitted_at)) / 1000
    if not late or running_s < health.ready_within / 2:  # the watch has started another driver meanwhile
        return Fate.WAIT, "it may still become ready"
    if seen.lacks_resources or seen.driver is not DriverState.RUNNING:
        return Fate.LEAVE, f"the cluster has not started the driver: {lack(seen)}"
    if _began(seen, row) and not seen.lag:
        return Fate.LEAVE, "it has counted everything" if seen.proven else f"no input waits, and {row.proof or 'it has read nothing yet'}"
    if not _began(seen, row):
        return Fate.ROLL_BACK, f"the driver has run for {running_s:.0f} s and has not begun"
    if waited_s < min(health.stalled_after, health.ready_within / 2):  # an outage begins the wait anew
        return Fate.LEAVE, f"its input has waited for {waited_s:.0f} s only, as it is after an outage"
    return Fate.ROLL_BACK, f"it has landed nothing in {running_s:.0f} s, and {seen.lag} lines wait"


def _began(seen: Observation, row: AttemptRow) -> bool:
    current = seen.head is not None and seen.head.attempt == row.attempt and seen.begun
    return current or bool(row.incarnation) or row.first_batch >= 0


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0][:300] if text.strip() else "it left no error"
