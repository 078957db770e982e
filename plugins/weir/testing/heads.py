"""Heads in memory."""

from __future__ import annotations

from spark_jobs.protocol.head import Head


class Heads:
    """Heads in memory."""

    def __init__(self) -> None:
        super().__init__()
        self._heads: dict[str, Head] = {}

    def head(self, job: str) -> Head | None:
        return self._heads.get(job)

    def plain_head(self, job: str) -> Head | None:
        return self.head(job)

    def swap(self, expected: Head, new: Head) -> bool:
        if self._heads.get(expected.job) != expected:
            return False
        self._heads[new.job] = new
        return True

    def create_head(self, head: Head) -> bool:
        if head.job in self._heads:
            return False
        self._heads[head.job] = head
        return True
