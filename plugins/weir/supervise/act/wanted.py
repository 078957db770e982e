"""Change the desired state of a job: its version and spec, and whether it should run."""

from __future__ import annotations

from dataclasses import replace

from weir.errors import Conflict
from weir.jobs.spec import JobSpec
from weir.ports.jobs import JobRow, JobStore
from weir.supervise.parts import Parts


class Wanted:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._jobs: JobStore = parts.store

    def run(self, before: JobRow | None, spec: JobSpec, version: str, who: str, reason: str) -> None:
        """Let the job run a version. Raises Conflict if the desired state is no longer `before`."""
        self._change(before, JobRow(spec.name, 0, "running", version, spec.dump(), who, reason, 0))

    def stop(self, before: JobRow, who: str, reason: str) -> None:
        """Let the job be stopped. Raises Conflict if the desired state is no longer `before`."""
        self._change(before, replace(before, desired="stopped", changed_by=who, reason=reason))

    def _change(self, before: JobRow | None, new: JobRow) -> None:
        new = replace(new, revision=before.revision + 1 if before else 1, changed_at=self._parts.now_ms())
        if not self._jobs.set_job(before, new):
            raise Conflict(f"Somebody else changed {new.job} at the same moment.", f"Run: weir health {new.job}")
