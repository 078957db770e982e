"""The deployed versions of a job: which are kept, which are good, and which driver runs which."""

from __future__ import annotations

from weir.errors import NotRunning
from weir.jobs import versions
from weir.jobs.spec import JobSpec
from weir.ports.attempts import AttemptRow, AttemptStore
from weir.ports.cluster import DriverState
from weir.ports.heads import HeadStore
from weir.ports.jobs import JobRow, JobStore, VersionRow
from weir.supervise.judge.observation import submit_grace_ms
from weir.supervise.parts import Parts
from weir.supervise.register import Register


class Versions:
    def __init__(self, parts: Parts, register: Register) -> None:
        self._parts, self._register = parts, register
        self._jobs: JobStore = parts.store
        self._heads: HeadStore = parts.store
        self._attempts: AttemptStore = parts.store
        self._bundles = parts.bundles

    def all(self, job: str) -> list[VersionRow]:
        """Return every deployed version, newest first; good if one of its attempts became ready or landed a batch.

        Raises UnknownJob.
        """
        rows = self._jobs.versions(job)
        if not rows:
            self._register.find(job)
        return versions.with_good(rows, self._heads.head(job), self._attempts.attempts(job))

    def kept(self) -> set[str]:
        """Return the versions whose code is kept."""
        return self._bundles.kept()

    def put(self, spec: JobSpec, version: str) -> None:
        """Record that a version is being deployed."""
        self._jobs.put_version(spec.name, VersionRow(version, self._parts.now_ms(), spec.dump()))

    def put_good(self, job: str, row: AttemptRow | None) -> None:
        """Record that the attempt's version has become ready."""
        if row and row.version:
            self._jobs.put_good(job, row.version)

    def remember(self, job: str, wanted: JobRow | None) -> None:
        """Record versions from attempts, which are listed only for a limited time, including versions from before this table existed."""
        noted = {row.version: row.good for row in self._jobs.versions(job)}
        if wanted and wanted.version not in noted:
            self._jobs.put_version(job, VersionRow(wanted.version, wanted.changed_at, wanted.spec))
        for row in self.all(job):
            if row.good and not noted.get(row.version):
                self._jobs.put_good(job, row.version)

    def drop_old(self, job: str, current: str) -> None:
        """Delete the code of versions that are no longer needed."""
        self._bundles.drop(versions.droppable(self.all(job), self._attempts.attempts(job), current))

    def runs(self, wanted: JobRow | None, version: str, job: str, attempt: int) -> bool:
        """Return whether the version should run and the attempt runs it. Without this check the retry of a deploy that failed halfway
        reported success while the old code kept running.

        Raises NotRunning if this is unknown: a second driver would do no harm, but was not requested.
        """
        if wanted is None or (wanted.desired, wanted.version) != ("running", version):
            return False
        row = self._submitted(job, attempt)
        if row is None or not row.submission_id or row.exit_reason or row.version not in ("", version):
            return False
        state = self._register.cluster(job).state(row.submission_id)
        if state is DriverState.UNKNOWN:
            raise NotRunning(f"The cluster does not say whether {job} runs.", "Run: weir status")
        return not state.ended

    def _submitted(self, job: str, attempt: int) -> AttemptRow | None:
        """Return the attempt's row. Waits for a process that has just taken it to submit its driver: of many deploys at once, one starts
        it."""
        grace = submit_grace_ms(self._register.spec(job).cluster)
        while (row := self._register.row(job, attempt)) and _is_submitting(row) and self._parts.now_ms() - row.taken_at <= grace:
            self._parts.sleep(0.2)
        return row


def _is_submitting(row: AttemptRow) -> bool:
    return not row.submission_id and row.cause != "stop"
