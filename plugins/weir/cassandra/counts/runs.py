"""The runs of hours and shards in Cassandra, and which one is read."""

from __future__ import annotations

from collections.abc import Mapping

from weir.cassandra.counts.cells import PANE, cell, kind
from weir.cassandra.tables import Tables, ms
from weir.ports.counts import Cell, HourShard, Kind, Published

FIRST = (
    "INSERT INTO published (run, attempt, batch_id, write_ts, published_at, job, hour, shard) VALUES (?, ?, ?, ?, ?, ?, ?, ?) IF NOT EXISTS"
)
SWAP = (
    "UPDATE published SET run = ?, attempt = ?, batch_id = ?, write_ts = ?, published_at = ? "
    "WHERE job = ? AND hour = ? AND shard = ? IF run = ?"
)


class Runs(Tables):
    def published(self, job: str, at: HourShard) -> Published | None:
        rows = self.session.serial(
            "SELECT run, attempt, batch_id, write_ts, published_at FROM published WHERE job = ? AND hour = ? AND shard = ?", job, *at
        )
        return Published(rows[0].run, (rows[0].attempt, rows[0].batch_id), rows[0].write_ts, ms(rows[0].published_at)) if rows else None

    def publish(self, job: str, at: HourShard, expected: Published | None, new: Published) -> bool:
        def applied() -> bool | None:
            current = self.published(job, at)
            return True if current == new else None if current == expected else False

        values = (new.run, *new.position, new.write_ts, new.at, job, *at)
        if expected is None:
            return self.session.swap(FIRST, values, applied)
        return self.session.swap(SWAP, (*values, expected.run), applied)

    def put_run(self, job: str, at: HourShard, run: str, base: str, cells: Mapping[Cell, int]) -> None:
        self.session.execute("INSERT INTO run_begun (job, hour, shard, run, base) VALUES (?, ?, ?, ?, ?)", job, *at, run, base)
        self.session.write_partitions(
            "INSERT INTO run (job, hour, shard, run, pane_start, service, level, signature, n) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [[(job, *at, run, *at_cell, n) for at_cell, n in cells.items()]],
        )

    def run_cells(self, job: str, at: HourShard, run: str) -> Mapping[Cell, int]:
        rows = self.session.execute(
            f"SELECT {PANE}, service, level, signature, n FROM run WHERE job = ? AND hour = ? AND shard = ? AND run = ?", job, *at, run
        )
        return {cell(r): r.n for r in rows}

    def put_run_hour(self, job: str, at: HourShard, run: str, kinds: Mapping[Kind, int]) -> None:
        self.session.write_partitions(
            "INSERT INTO run_hour (job, hour, shard, run, service, level, signature, n) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [[(job, *at, run, *of_kind, n) for of_kind, n in kinds.items()]],
        )

    def run_hour(self, job: str, at: HourShard, run: str) -> Mapping[Kind, int]:
        rows = self.session.execute(
            "SELECT service, level, signature, n FROM run_hour WHERE job = ? AND hour = ? AND shard = ? AND run = ?", job, *at, run
        )
        return {kind(r): r.n for r in rows}

    def runs(self, job: str, at: HourShard) -> Mapping[str, str]:
        rows = self.session.execute("SELECT run, base FROM run_begun WHERE job = ? AND hour = ? AND shard = ?", job, *at)
        return {r.run: r.base for r in rows}

    def delete_run(self, job: str, at: HourShard, run: str) -> None:
        self.session.execute("DELETE FROM run WHERE job = ? AND hour = ? AND shard = ? AND run = ?", job, *at, run)
        self.session.execute("DELETE FROM run_hour WHERE job = ? AND hour = ? AND shard = ? AND run = ?", job, *at, run)
        self.session.execute("DELETE FROM run_begun WHERE job = ? AND hour = ? AND shard = ? AND run = ?", job, *at, run)
