"""The port of jobs: what is wanted of each, and the versions that were deployed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class JobRow:
    """What a person or a deploy asked for; changed only by compare-and-set on `revision`."""

    job: str
    revision: int
    desired: str  # running or stopped
    version: str
    spec: str  # the spec as JSON, as it was deployed
    changed_by: str
    reason: str
    changed_at: int


@dataclass(frozen=True)
class VersionRow:
    """A version of a job that was deployed: its spec as JSON, and whether an attempt of it has ever become ready."""

    version: str
    deployed_at: int  # ms, the last time
    spec: str
    good: bool = False


class JobStore(Protocol):
    """What is wanted of jobs, and their versions."""

    def job(self, job: str) -> JobRow | None:
        """What is wanted of a job (serial consistency)."""

    def jobs(self) -> Sequence[JobRow]:
        """What is wanted of every job that was ever deployed."""

    def desired(self, job: str) -> str:
        """The same as drivers see it: `running` or `stopped`; empty if the job was never deployed."""

    def set_job(self, expected: JobRow | None, new: JobRow) -> bool:
        """Change what is wanted if `expected` is what was wanted."""

    def versions(self, job: str) -> Sequence[VersionRow]:
        """Every version that was deployed, the last one first."""

    def put_version(self, job: str, row: VersionRow) -> None:
        """Note that a version is being deployed. Whether it is good stays as it is."""

    def put_good(self, job: str, version: str) -> None:
        """Note that an attempt of a version has become ready."""
