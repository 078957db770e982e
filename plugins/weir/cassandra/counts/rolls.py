"""The rolls of days and shards in Cassandra, and which one is read."""

from __future__ import annotations

import json
from collections.abc import Mapping

from spark_jobs.protocol.head import Position
from weir.cassandra.counts.cells import kind
from weir.cassandra.tables import Tables, ms, span
from weir.ports.counts import DayShard, Kind, Rolled


class Rolls(Tables):
    def rolled(self, job: str, since: int | None = None, until: int | None = None) -> Mapping[DayShard, Rolled]:
        rows = self.session.serial(
            "SELECT day, shard, roll, covers, rolled_at FROM rolled WHERE job = ? AND day >= ? AND day < ?", job, *span(since, until)
        )
        return {(ms(r.day), r.shard): Rolled(r.roll, _covers(r.covers), ms(r.rolled_at)) for r in rows}

    def publish_roll(self, job: str, at: DayShard, expected: Rolled | None, new: Rolled) -> bool:
        def applied() -> bool | None:
            current = self.rolled(job, at[0], at[0] + 1).get(at)
            return True if current == new else None if current == expected else False

        values = (new.roll, json.dumps(new.covers), new.at, job, *at)
        if expected is None:
            cql = "INSERT INTO rolled (roll, covers, rolled_at, job, day, shard) VALUES (?, ?, ?, ?, ?, ?) IF NOT EXISTS"
            return self.session.swap(cql, values, applied)
        cql = "UPDATE rolled SET roll = ?, covers = ?, rolled_at = ? WHERE job = ? AND day = ? AND shard = ? IF roll = ?"
        return self.session.swap(cql, (*values, expected.roll), applied)

    def put_roll(self, job: str, at: DayShard, roll: str, base: str, kinds: Mapping[Kind, int]) -> None:
        self.session.execute("INSERT INTO roll_begun (job, day, shard, roll, base) VALUES (?, ?, ?, ?, ?)", job, *at, roll, base)
        self.session.write_partitions(
            "INSERT INTO roll (job, day, shard, roll, service, level, signature, n) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [[(job, *at, roll, *of_kind, n) for of_kind, n in kinds.items()]],
        )

    def roll_sums(self, job: str, at: DayShard, roll: str) -> Mapping[Kind, int]:
        rows = self.session.execute(
            "SELECT service, level, signature, n FROM roll WHERE job = ? AND day = ? AND shard = ? AND roll = ?", job, *at, roll
        )
        return {kind(r): r.n for r in rows}

    def rolls(self, job: str) -> Mapping[DayShard, Mapping[str, str]]:
        found: dict[DayShard, dict[str, str]] = {}
        for r in self.session.execute("SELECT day, shard, roll, base FROM roll_begun WHERE job = ?", job):
            found.setdefault((ms(r.day), r.shard), {})[r.roll] = r.base
        return found

    def delete_roll(self, job: str, at: DayShard, roll: str) -> None:
        self.session.execute("DELETE FROM roll WHERE job = ? AND day = ? AND shard = ? AND roll = ?", job, *at, roll)
        self.session.execute("DELETE FROM roll_begun WHERE job = ? AND day = ? AND shard = ? AND roll = ?", job, *at, roll)


def _covers(text: str) -> Mapping[int, Position]:
    return {int(hour): (attempt, batch_id) for hour, (attempt, batch_id) in json.loads(text).items()}
