"""What is wanted of jobs, and their versions, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from weir.ports.jobs import JobRow, VersionRow


class Jobs:
    """What is wanted of jobs, and their versions, in memory."""

    def __init__(self) -> None:
        super().__init__()
        self._jobs: dict[str, JobRow] = {}
        self._versions: dict[str, dict[str, VersionRow]] = {}
        self._good: set[tuple[str, str]] = set()

    def job(self, job: str) -> JobRow | None:
        return self._jobs.get(job)

    def jobs(self) -> Sequence[JobRow]:
        return list(self._jobs.values())

    def desired(self, job: str) -> str:
        return self._jobs[job].desired if job in self._jobs else ""

    def set_job(self, expected: JobRow | None, new: JobRow) -> bool:
        if self._jobs.get(new.job) != expected:
            return False
        self._jobs[new.job] = new
        return True

    def versions(self, job: str) -> Sequence[VersionRow]:
        rows = [replace(row, good=(job, row.version) in self._good) for row in self._versions.get(job, {}).values()]
        return sorted(rows, key=lambda v: (v.deployed_at, v.version), reverse=True)

    def put_version(self, job: str, row: VersionRow) -> None:
        self._versions.setdefault(job, {})[row.version] = row

    def put_good(self, job: str, version: str) -> None:
        self._good.add((job, version))
