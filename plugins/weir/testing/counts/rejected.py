"""Samples of rejected lines in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from spark_jobs.counts.cells import RejectedLine
from spark_jobs.protocol.head import Head, Position


class Rejected:
    """Samples of rejected lines in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.rejected: dict[tuple[str, Position], list[RejectedLine]] = {}

    def put_rejected(self, head: Head, lines: Sequence[RejectedLine]) -> None:
        self.rejected[head.job, (head.by, head.batch_id)] = list(lines)

    def rejected_lines(self, job: str) -> Iterator[tuple[Position, RejectedLine]]:
        found = sorted(((at, line) for (j, at), lines in self.rejected.items() if j == job for line in lines), key=lambda x: x[0])
        return reversed(found)
