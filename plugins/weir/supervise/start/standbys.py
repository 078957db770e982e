"""Act on what standby.py judges: promote, start, retire. Nothing here may delay a takeover."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from uuid import uuid4

from weir.jobs.spec import parse
from weir.ports.attempts import AttemptStore
from weir.ports.jobs import JobRow, JobStore
from weir.ports.standbys import StandbyRow, StandbyStore
from weir.supervise.judge import standby
from weir.supervise.judge.report import Report
from weir.supervise.judge.standby import Duty, States
from weir.supervise.kind import Kinds
from weir.supervise.parts import Parts, or_none
from weir.supervise.register import Register
from weir.supervise.start.submission import enlarged
from weir.supervise.timeline import Timeline


class Standbys:
    def __init__(self, parts: Parts, register: Register, timeline: Timeline, kinds: Kinds) -> None:
        self._parts, self._register, self._timeline, self._kinds = parts, register, timeline, kinds
        self._jobs: JobStore = parts.store
        self._attempts: AttemptStore = parts.store
        self._rows: StandbyStore = parts.store

    def tend(self, report: Report) -> None:
        """Do the due action on a job's standbys. Reads their state again first, so it may be repeated at any time. Raises NotRunning."""
        if report.standby_act == Duty.NONE:
            return
        job, wanted = report.job, self._jobs.job(report.job)
        rows, states = self._seen(job)
        version, now = self._version(wanted), self._parts.now_ms()
        self._retire(job, standby.superfluous(rows, states, version, now))
        for row in standby.lingering(rows, states, now):
            self._register.cluster(job).kill(row.submission_id)
        called_for = report.standby_act == Duty.START and standby.due(rows, states, version, now)
        if wanted and called_for and self._register.attempt(job) == report.attempt and not self._register.paused(job):
            self._start(job, wanted)

    def call_up(self, wanted: JobRow, attempt: int, arguments: Sequence[str]) -> str:
        """Give the attempt to a standby. Return its submission id; empty if none fits, and a driver must be started."""
        job, version = wanted.job, self._version(wanted)
        rows, states = or_none(lambda: self._seen(job)) or ((), {})
        found = standby.fitting(rows, states, version)
        if found:
            self._rows.call_up(job, found.id, attempt, arguments[-1])  # before it, packed code has those of unpack.py
        self._retire(job, [r for r in standby.superfluous(rows, states, version, self._parts.now_ms()) if r is not found])
        return found.submission_id if found else ""

    def dismiss(self, job: str) -> list[str]:
        """Retire all waiting standbys. Return their submission ids."""
        waiting = [row for row in self._rows.standbys(job) if row.waits]
        self._retire(job, waiting)
        return [row.submission_id for row in waiting if row.submission_id]

    def _retire(self, job: str, rows: Iterable[StandbyRow]) -> None:
        for row in rows:
            self._rows.retire(job, row.id, self._parts.now_ms())
            self._tell(job, row, f"the standby {row.submission_id or row.id} of version {row.version} is no longer needed, or has ended.")

    def _start(self, job: str, wanted: JobRow) -> None:
        """Record a standby, then submit it: an unrecorded one would wait without end."""
        spec, now = parse(wanted.spec, f"version {wanted.version}"), self._parts.now_ms()
        row = StandbyRow(f"{now:013d}-{uuid4().hex[:8]}", wanted.version, now)
        driver = self._kinds[spec.kind.name].standby(spec, wanted.version, row.id, self._parts.bundles.place(wanted.version))
        self._rows.put_standby(job, row)
        submission_id = self._register.cluster(job).submit(driver)
        self._rows.put_standby(job, replace(row, submission_id=submission_id))
        self._tell(job, row, f"a standby was submitted as {submission_id}.")

    def _tell(self, job: str, row: StandbyRow, text: str) -> None:
        self._timeline.tell(job, "standby", f"{job}: {text}", 0, "weir", "", {"standby": row.id})

    def _seen(self, job: str) -> tuple[Sequence[StandbyRow], States]:
        rows = self._rows.standbys(job)
        asked = standby.asked_about(rows, self._parts.now_ms())
        return rows, self._register.cluster(job).states_of(asked) if asked else {}

    def _version(self, wanted: JobRow | None) -> str:
        """Return the version for which a standby is wanted; empty while drivers need the larger memory, since a standby has the usual
        one."""
        version = standby.wanted_version(wanted)
        if not version or wanted is None:
            return ""
        spec = parse(wanted.spec, f"version {wanted.version}")
        return version if enlarged(spec, self._attempts.attempts(wanted.job)) is spec else ""
