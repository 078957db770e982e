"""The port of rejected lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from spark_jobs.counts.cells import RejectedLine
from spark_jobs.protocol.head import Position


class RejectedStore(Protocol):
    """The samples of lines that batches rejected."""

    def rejected_lines(self, job: str) -> Iterator[tuple[Position, RejectedLine]]:
        """Yield the samples of rejected lines, of landed and other batches, newest batch first."""
