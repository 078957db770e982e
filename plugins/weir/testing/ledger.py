"""The ledger in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from spark_jobs.protocol.head import Head, Position
from weir.cassandra.sampling import spread


class Ledger:
    """The ledger in memory."""

    def __init__(self) -> None:
        super().__init__()
        self._ledger: dict[tuple[str, int, int], Head] = {}

    def put_ledger(self, head: Head) -> None:
        assert head.for_ledger
        self._ledger[head.job, head.by, head.batch_id] = head

    def ledger_batch(self, job: str, epoch: int, batch_id: int) -> Head | None:
        found = (h for h in self._ledger.values() if (h.job, h.epoch, h.batch_id, h.has_batch) == (job, epoch, batch_id, True))
        return next(found, None)

    def ledger(self, job: str, before: Position | None = None) -> Iterator[Head]:
        rows = (h for h in self._ledger.values() if h.job == job and (before is None or (h.by, h.batch_id) < before))
        return iter(sorted(rows, key=lambda h: (h.by, h.batch_id), reverse=True))

    def ledger_after(self, job: str, position: Position) -> Iterator[Head]:
        return (h for h in reversed(list(self.ledger(job))) if (h.by, h.batch_id) > position)

    def ledger_between(self, job: str, since: int, until: int, most: int) -> Sequence[Head]:
        rows = [h for h in reversed(list(self.ledger(job))) if h.has_batch and since * 1000 <= h.write_ts < until * 1000]
        return [rows[i] for i in spread(0, len(rows) - 1, most)]
