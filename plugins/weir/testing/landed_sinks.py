"""A sink of landed jobs in memory, held to the contract of the real ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from spark_jobs.protocol.head import Head
from spark_jobs.protocol.landing import Digest, Held
from spark_jobs.sinks.fences import may_write, raised


@dataclass
class Target:
    """What outlives the processes of a job: the rows that readers see, in the order of their batches, and the fence."""

    rows: list[Sequence[Any]] = field(default_factory=list)
    held: Held | None = None


class MemorySink:
    """Appends to a target as a transaction would. Each process of a job has one of its own; `rows` of a batch need only `collect()`."""

    hides_claims = False

    def __init__(self, target: Target) -> None:
        self._target = target

    def fence(self, head: Head) -> Held:
        self._target.held = raised(self._target.held, head)
        return self._target.held

    def write(self, claimed: Head, rows: Any, digest: Digest) -> None:
        if may_write(self._target.held, claimed):
            found = [tuple(row) for row in rows.collect()]
            assert len(found) == digest.rows
            self._put(claimed, found)

    def landed(self, head: Head) -> None:
        """Do nothing: readers see the rows since they were written."""

    def rehearse(self, job: str) -> None:
        """Do nothing: there is no server."""

    def keep(self) -> None:
        """Do nothing: nothing expires."""

    def _put(self, claimed: Head, found: Sequence[Sequence[Any]]) -> None:
        """Write and move the fence in one step, unless a later attempt raised it since."""
        if may_write(self._target.held, claimed):
            self._target.rows.extend(found)
            self._target.held = Held(claimed.epoch, claimed.attempt, claimed.batch_id)
