"""What batches wrote to each hour and shard, in Cassandra. Drivers write it: spark_jobs/counts/store.py."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from spark_jobs.protocol.head import Position
from weir.cassandra.counts.cells import PANE, cell
from weir.cassandra.tables import Tables, ms, span
from weir.ports.counts import Cell, HourShard, Touched


class Hours(Tables):
    def hours(self, job: str, since: int | None = None, until: int | None = None) -> Sequence[Touched]:
        rows = self.session.execute(
            "SELECT hour, shard, attempt, batch_id, WRITETIME(batch_id) AS write_ts FROM hour WHERE job = ? AND hour >= ? AND hour < ?",
            job, *span(since, until),
        )  # fmt: skip
        return [Touched(ms(r.hour), r.shard, (r.attempt, r.batch_id), r.write_ts // 1000) for r in rows]

    def deltas(self, job: str, at: HourShard) -> Iterable[tuple[Position, Cell, int]]:
        rows = self.session.execute(
            f"SELECT {PANE}, service, level, signature, attempt, batch_id, n FROM delta WHERE job = ? AND hour = ? AND shard = ?",
            job,
            *at,
        )
        return [((r.attempt, r.batch_id), cell(r), r.n) for r in rows]

    def delete_deltas(self, job: str, at: HourShard, write_ts: int) -> None:
        self.session.execute("DELETE FROM delta USING TIMESTAMP ? WHERE job = ? AND hour = ? AND shard = ?", write_ts, job, *at)

    def hour_totals(self, job: str, at: HourShard) -> Iterable[tuple[Position, Mapping[str, int]]]:
        rows = self.session.execute("SELECT attempt, batch_id, levels FROM ledger_hour WHERE job = ? AND hour = ? AND shard = ?", job, *at)
        return [((r.attempt, r.batch_id), dict(r.levels or {})) for r in rows]

    def touched_after(self, job: str, at: HourShard, position: Position) -> Position | None:
        rows = self.session.execute(
            "SELECT attempt, batch_id FROM ledger_hour WHERE job = ? AND hour = ? AND shard = ? AND (attempt, batch_id) > (?, ?) LIMIT 1",
            job, *at, *position,
        )  # fmt: skip
        return (rows[0].attempt, rows[0].batch_id) if rows else None
