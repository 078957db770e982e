"""What batches wrote, in memory. Deltas and their deletion keep write timestamps, as Cassandra does: the later write wins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from spark_jobs.counts.cells import Delta, hour_of, shard_of
from spark_jobs.counts.deltas import HourTotals
from spark_jobs.protocol.head import Head, Position
from weir.ports.counts import Cell, HourShard, Touched


class Hours:
    """What batches wrote, in memory. Deltas and their deletion keep write timestamps, as Cassandra does: the later write wins."""

    def __init__(self) -> None:
        super().__init__()
        self._deltas: dict[tuple[str, HourShard], dict[tuple[Cell, Position], tuple[int, int]]] = {}
        self._deleted: dict[tuple[str, HourShard], int] = {}
        self._totals: dict[tuple[str, HourShard], dict[Position, Mapping[str, int]]] = {}
        self._touched: dict[tuple[str, HourShard], tuple[int, Position]] = {}

    def touch(self, job: str) -> None:
        """Do nothing: every table is here."""

    def put_deltas(self, head: Head, shards: int, deltas: Sequence[Delta]) -> None:
        for d in deltas:
            rows = self._deltas.setdefault((head.job, (hour_of(d.pane_start), shard_of(d.service, shards))), {})
            key = (d.pane_start, d.service, d.level, d.signature), (head.by, head.batch_id)
            if key not in rows or head.write_ts >= rows[key][1]:
                rows[key] = d.n, head.write_ts

    def put_hours(self, head: Head, hours: HourTotals) -> None:
        position = head.by, head.batch_id
        for at, levels in hours.items():
            self._totals.setdefault((head.job, at), {})[position] = dict(levels)
            self._touched[head.job, at] = max(self._touched.get((head.job, at), (0, position)), (head.write_ts, position))

    def hours(self, job: str, since: int | None = None, until: int | None = None) -> Sequence[Touched]:
        rows = [Touched(*at, position, ts // 1000) for (j, at), (ts, position) in sorted(self._touched.items()) if j == job]
        return [t for t in rows if (since is None or t.hour >= since) and (until is None or t.hour < until)]

    def deltas(self, job: str, at: HourShard) -> Iterable[tuple[Position, Cell, int]]:
        alive = self._deleted.get((job, at), -1)
        rows = self._deltas.get((job, at), {})
        return [(position, cell, n) for (cell, position), (n, ts) in rows.items() if ts > alive]

    def delete_deltas(self, job: str, at: HourShard, write_ts: int) -> None:
        self._deleted[job, at] = max(self._deleted.get((job, at), -1), write_ts)

    def hour_totals(self, job: str, at: HourShard) -> Iterable[tuple[Position, Mapping[str, int]]]:
        return list(self._totals.get((job, at), {}).items())

    def touched_after(self, job: str, at: HourShard, position: Position) -> Position | None:
        return min((p for p, _ in self.hour_totals(job, at) if p > position), default=None)
