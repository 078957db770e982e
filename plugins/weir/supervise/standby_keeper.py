"""Acts on what standby.py judges: calls up, starts, retires. None of it may be in the way of a takeover."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

from spark_jobs.runtime.contract import JobArguments
from weir.jobs.spec import parse
from weir.ports.jobs import JobRow, StandbyRow
from weir.supervise import standby
from weir.supervise.parts import Parts, or_none
from weir.supervise.rehearsal import newest_lines
from weir.supervise.report import Report
from weir.supervise.standby import Duty, States
from weir.supervise.submission import enlarged, submission

LINES_PER_BATCH = 200  # while it warms up: one batch loads the code, and some more have the JVM compile what plans a batch


class StandbyKeeper(Parts):
    def tend(self, report: Report) -> None:
        """Do what a report's standbys call for. Looks again first: it may be repeated by anyone, at any time. Raises NotRunning."""
        if report.standby_act == Duty.NONE:
            return
        job, wanted = report.job, self.store.job(report.job)
        rows, states = self._standbys(job)
        version, now = self._standby_version(wanted), self._now_ms()
        self._retire(job, standby.superfluous(rows, states, version, now))
        for row in standby.lingering(rows, states, now):
            self._cluster(job).kill(row.submission_id)
        called_for = report.standby_act == Duty.START and standby.due(rows, states, version, now)
        if wanted and called_for and self._judged(job, None) == report.attempt and not self._paused(job):
            self._start_standby(job, wanted)

    def _call_up(self, wanted: JobRow, args: JobArguments) -> str:
        """Give the attempt to a standby. Returns its submission id; empty if none fits, and a driver is to be started."""
        version, (rows, states) = self._standby_version(wanted), or_none(lambda: self._standbys(args.job)) or ((), {})
        found = standby.fitting(rows, states, version)
        if found:
            self.store.call_up(args.job, found.id, args.attempt, args.to_argv()[0])
        self._retire(args.job, [r for r in standby.superfluous(rows, states, version, self._now_ms()) if r is not found])
        return found.submission_id if found else ""

    def _dismiss(self, job: str) -> list[str]:
        """Retire all that wait. Returns their submission ids."""
        waiting = [row for row in self.store.standbys(job) if row.waits]
        self._retire(job, waiting)
        return [row.submission_id for row in waiting if row.submission_id]

    def _retire(self, job: str, rows: Iterable[StandbyRow]) -> None:
        for row in rows:
            self.store.retire(job, row.id, self._now_ms())
            text = f"{job}: the standby {row.submission_id or row.id} of version {row.version} is not needed any more, or has ended."
            self._tell(job, "standby", text, 0, "weir", "", {"standby": row.id})

    def _start_standby(self, job: str, wanted: JobRow) -> None:
        """Note it, then submit it: one that nobody has noted would wait for ever."""
        spec, now = parse(wanted.spec, f"version {wanted.version}"), self._now_ms()
        row = StandbyRow(f"{now:013d}-{uuid4().hex[:8]}", wanted.version, now)
        newest = newest_lines(spec, wanted.version, self._broker, self._settings)
        args = replace(newest, standby=row.id, max_lines_per_batch=LINES_PER_BATCH)
        self.store.put_standby(job, row)
        code = Path(self._settings.bundles) / wanted.version
        submission_id = self._cluster(job).submit(submission(spec, args, code, self._settings))
        self.store.put_standby(job, replace(row, submission_id=submission_id))
        self._tell(job, "standby", f"{job}: a standby was submitted as {submission_id}.", 0, "weir", "", {"standby": row.id})

    def _standbys(self, job: str) -> tuple[Sequence[StandbyRow], States]:
        rows = self.store.standbys(job)
        asked = standby.asked_about(rows, self._now_ms())
        return rows, self._cluster(job).states_of(asked) if asked else {}

    def _standby_version(self, wanted: JobRow | None) -> str:
        """The version that a standby is wanted of. None is while drivers need the larger memory: a standby has the usual one."""
        version = standby.wanted_version(wanted)
        if not version or wanted is None:
            return ""
        spec = parse(wanted.spec, f"version {wanted.version}")
        return version if enlarged(spec, self.store.attempts(wanted.job)) is spec else ""
