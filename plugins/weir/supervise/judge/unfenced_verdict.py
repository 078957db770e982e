"""Judge a job without fencing: its driver by the cluster, its progress by its own checkpoints. Pure.

Its driver is replaced only when it is confirmed ended (see unfenced.py). If that is unknown, the verdict is unconfirmed, and an operator
must look. One query may be dead while the driver lives: the job is judged by its worst query.
"""

from __future__ import annotations

from collections.abc import Mapping

from weir.jobs.spec import Health
from weir.ports.attempts import AttemptRow
from weir.ports.checkpoints import QueryProgress
from weir.ports.cluster import DriverState
from weir.supervise.judge import room
from weir.supervise.judge.attempts import after_the_end, failed_twice, first_line, fix_and_deploy, patience, stopped_with_stack
from weir.supervise.judge.observation import STARTS_MS, Observation
from weir.supervise.judge.queries import Queries, name
from weir.supervise.judge.report import Verdict
from weir.supervise.judge.unfenced import unconfirmed

Found = tuple[Verdict, str, str]
IDLE_AFTER_MS = 30_000
STOPS_MS = 90_000  # far above the time in which a stop ends a driver, or gives up
PRESENT = (DriverState.SUBMITTED, DriverState.RUNNING)


def of_stopped(job: str, seen: Observation) -> Found | None:
    """Return the verdict on a stopped job whose driver may still run; None if it has ended."""
    row, why = seen.attempt, _unconfirmed(seen)
    if not why or seen.wanted is None or row is None or (row.submission_id and seen.driver is DriverState.UNKNOWN):
        return None
    if seen.now - max(seen.wanted.changed_at, row.taken_at) <= STOPS_MS:
        return None
    if seen.driver in PRESENT:
        return Verdict.UNCONFIRMED, f"{job} is stopped, and its driver still runs ({row.submission_id})", f"weir stop {job}"
    return Verdict.UNCONFIRMED, f"{job} is stopped, and it is unknown whether its driver has ended: {why}", _confirm(job)


def of_driver(job: str, seen: Observation, health: Health, waits: Mapping[str, int], speed: Verdict) -> Found:
    """Return the verdict on a job that should run. `waits` (ms, by folder): since when a query has work; `speed`: of a job that commits."""
    assert seen.head is not None and seen.queries is not None
    row, attempt = seen.attempt, seen.head.attempt
    if not attempt or not seen.head.incarnation:
        return _never_submitted(job, seen, row)
    if (row and row.exit_reason) or seen.driver.confirmed:
        assert row is not None
        return stopped_with_stack(job, row) if seen.stopped_with_stack else _ended(job, seen, row)
    if row and not row.submission_id and seen.now - row.taken_at <= seen.submit_grace_ms:
        return Verdict.STARTING, f"{job}: attempt {attempt} is being submitted", ""
    if row is None or not row.submission_id or seen.driver is DriverState.LOST:
        text = f"{job}: it is unknown whether the driver of attempt {attempt} has ended: {_unconfirmed(seen)}"
        return Verdict.UNCONFIRMED, f"{text}; Weir starts no other driver until that is confirmed", _confirm(job)
    return _alive(job, seen, row, health, waits, speed)


def _unconfirmed(seen: Observation) -> str:
    return unconfirmed(seen.head, seen.attempt, seen.driver) if seen.head else ""


def _confirm(job: str) -> str:
    return f'make sure that it has ended, then weir confirm-ended {job} --reason "..."; see docs/runbook.md#unconfirmed'


def _never_submitted(job: str, seen: Observation, row: AttemptRow | None) -> Found:
    assert seen.head is not None
    asked = max(row.taken_at if row else 0, seen.wanted.changed_at if seen.wanted else 0)
    if seen.now - asked <= seen.submit_grace_ms:
        return Verdict.STARTING, f"{job}: attempt {seen.head.attempt} is being submitted", ""
    return Verdict.DOWN, f"{job}: attempt {seen.head.attempt} was never submitted", f"weir restart {job}"


def _ended(job: str, seen: Observation, row: AttemptRow) -> Found:
    if failed_twice(seen, row):
        text = f"{job}: batch {row.exit_batch} failed twice with the same error: {first_line(row.exit_error)}"
        return Verdict.POISONED, text, fix_and_deploy(job)
    why = first_line(row.exit_error) or f"the cluster says {seen.driver}"
    return Verdict.DOWN, f"{job}: the driver of attempt {row.attempt} has ended: {why}", after_the_end(job, row)


def _alive(job: str, seen: Observation, row: AttemptRow, health: Health, waits: Mapping[str, int], speed: Verdict) -> Found:
    queries, more = seen.queries, patience(seen)
    assert queries is not None
    running_s = (seen.now - row.submitted_at) / 1000
    early = running_s <= more * health.ready_within
    if seen.lacks_resources:
        return room.waiting(job, seen, row, early)
    if queries.found is None:
        return Verdict.UNKNOWN, f"{job}: its progress is unknown: {queries.blind}", "see docs/plain.md#progress"
    if not queries.found:
        return _without_query(job, seen, row, running_s, early)
    if queries.cut:
        what = ", ".join(f"{label} ends at {end}, and is committed up to {done}" for label, (done, end) in queries.cut.items())
        text = f"{job}: the log was truncated, or its topic was deleted and created again: {what}; new lines below that are not read"
        return Verdict.DATA_LOSS, text, "see docs/plain.md#progress"
    if queries.taken:
        what = ", ".join(f"{label} offsets {start} to {end - 1}" for label, (start, end) in queries.taken.items())
        text = f"{job}: the broker deleted lines that were not read: {what}"
        return Verdict.DATA_LOSS, text, "they are lost; raise the topic's retention.ms, see docs/plain.md#retention"
    worst = min((q for q in queries.known if waits.get(q.folder)), key=lambda q: waits[q.folder], default=None)
    if worst is None:
        return _quiet(job, seen, row, queries, health) if _begun(queries) else _without_batch(job, row, running_s, early)
    waited_s = (seen.now - max(waits[worst.folder], row.submitted_at)) / 1000
    if waited_s > more * health.stalled_after and (seen.landed_now or not early):
        return _stalled(job, seen, row, worst, waited_s)
    if queries.read_kafka and queries.lag is None:
        return Verdict.UNKNOWN, f"{job}: {seen.blind}, so its lag is unknown", "weir status"
    if not seen.landed_now:
        return Verdict.STARTING, f"{job}: attempt {row.attempt} has been submitted and has not committed a batch yet", ""
    return _at_work(job, seen, health, speed)


def _without_query(job: str, seen: Observation, row: AttemptRow, running_s: float, early: bool) -> Found:
    if early:
        return Verdict.STARTING, f"{job}: attempt {row.attempt} was submitted {running_s:.0f} s ago", ""
    text = f"{job}: its checkpoint contains no query {running_s:.0f} s after attempt {row.attempt} was submitted"
    if seen.driver is DriverState.UNKNOWN:
        return Verdict.UNKNOWN, f"{text}, and the cluster does not answer", "weir status"
    return Verdict.STALLED, text, f"weir logs driver:{job}"


def _begun(queries: Queries) -> bool:
    """Return whether a query has planned a batch. Its folders exist earlier: by 4 s on a busy machine, longer while its broker is away."""
    return any(query.planned >= 0 for query in queries.known)


def _without_batch(job: str, row: AttemptRow, running_s: float, early: bool) -> Found:
    text = f"{job}: attempt {row.attempt} was submitted {running_s:.0f} s ago, and no query has planned a batch"
    if early:
        return Verdict.STARTING, text, ""
    return Verdict.UNKNOWN, f"{text}: it is unknown whether input waits", f"weir logs driver:{job}"


def _quiet(job: str, seen: Observation, row: AttemptRow, queries: Queries, health: Health) -> Found:
    """Return the verdict if nothing is known to wait."""
    if not seen.landed_now and seen.now - row.submitted_at <= STARTS_MS:
        return Verdict.STARTING, f"{job}: attempt {row.attempt} has been submitted, and there is nothing to read", ""
    if unread := queries.unread:
        text = f"{job}: by its checkpoints, no query has read the topic {', '.join(unread)}, which its spec names"
        return Verdict.UNKNOWN, text, f"correct source in job.yaml, or the job, then weir deploy {job}"
    quiet_ms = seen.now - max(seen.landed_at, row.submitted_at)
    if not queries.read_kafka and quiet_ms > 1000 * health.stalled_after:
        text = f"{job}: nothing was committed for {quiet_ms / 1000:.0f} s, and it is unknown whether input waits: it reads no Kafka topic"
        return Verdict.UNKNOWN, text, "see docs/plain.md#progress"
    if queries.read_kafka and not seen.landed_ever:
        text = f"{job}: no new input; attempt {row.attempt} has read nothing yet, so it is unknown whether it works"
        return Verdict.IDLE, text, ""
    if queries.read_kafka and quiet_ms > IDLE_AFTER_MS:
        return Verdict.IDLE, f"{job}: everything is committed, no new input", ""
    return Verdict.OK, f"{job}: committing", ""


def _stalled(job: str, seen: Observation, row: AttemptRow, worst: QueryProgress, waited_s: float) -> Found:
    """Return the verdict on a job with a query that has work and does not commit it.

    If other queries of this driver commit and this one never has, the code may no longer have such a query: healthy drivers were killed
    again and again for the folder of a removed query. So for a query that hangs, a restart is tried once.
    """
    assert seen.queries is not None
    lag = seen.queries.lag_of(worst)
    what = f"batch {worst.uncommitted} is planned" if worst.uncommitted >= 0 else f"{lag} lines wait"
    text = f"{job}: {what} and {name(worst)} has committed nothing for {waited_s:.0f} s (the cluster says {seen.driver})"
    if seen.driver is DriverState.UNKNOWN:
        return Verdict.UNKNOWN, text, "weir status"
    if worst.committed_at < row.submitted_at <= seen.queries.committed_at:
        text += f", and others have: since attempt {row.attempt} it hangs, or the code has no such query any more"
        return Verdict.UNKNOWN, text, f"weir logs driver:{job}; of a query that was removed, remove the folder: see docs/plain.md#progress"
    return Verdict.STALLED, text, f"weir logs driver:{job}"


def _at_work(job: str, seen: Observation, health: Health, speed: Verdict) -> Found:
    if speed is Verdict.SLOW:
        text = f"{job}: batches commit, but it is {seen.lag} lines behind and has not come closer for {health.slow_after / 60:.0f} min"
        return Verdict.SLOW, text, "give it more cores or partitions: see docs/runbook.md#slow"
    if speed is Verdict.CATCHING_UP:
        return Verdict.CATCHING_UP, f"{job}: catching up, {seen.lag} lines behind", ""
    return Verdict.OK, f"{job}: committing, {seen.lag} lines behind" if seen.lag else f"{job}: committing", ""
