"""The tables of counting that a driver writes: implements spark_jobs.counts.deltas.DeltaStore. All writes carry the claim's timestamp."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from spark_jobs.counts.cells import Delta, RejectedLine, hour_of, shard_of
from spark_jobs.counts.deltas import HourTotals
from spark_jobs.protocol.head import Head
from spark_jobs.runtime.session import Session
from spark_jobs.runtime.store import day_of

# Rows that no batch writes: nothing that is counted is of 1970, and attempts begin with 1.
TOUCHES = (
    "DELETE FROM delta USING TIMESTAMP 1 WHERE job = ? AND hour = 0 AND shard = 0 AND pane_start = 0 AND service = '' AND level = '' "
    "AND signature = '' AND attempt = 0 AND batch_id = 0",
    "DELETE FROM ledger_hour USING TIMESTAMP 1 WHERE job = ? AND hour = 0 AND shard = 0 AND attempt = 0 AND batch_id = 0",
    "DELETE FROM hour USING TIMESTAMP 1 WHERE job = ? AND hour = 0 AND shard = 0",
    "DELETE FROM rejected_line USING TIMESTAMP 1 WHERE job = ? AND day = '1970-01-01' AND attempt = 0 AND batch_id = 0",
)


class DeltaTables:
    def __init__(self, session: Session) -> None:
        self.session = session

    def touch(self, job: str) -> None:
        for statement in TOUCHES:
            self.session.execute(statement, job)

    def put_deltas(self, head: Head, shards: int, deltas: Sequence[Delta]) -> None:
        by_partition: dict[tuple[int, int], list[tuple[Any, ...]]] = defaultdict(list)
        for d in deltas:
            at = hour_of(d.pane_start), shard_of(d.service, shards)
            by_partition[at].append(
                (head.job, *at, d.pane_start, d.service, d.level, d.signature, head.by, head.batch_id, d.n, head.write_ts)
            )
        self.session.write_partitions(
            "INSERT INTO delta (job, hour, shard, pane_start, service, level, signature, attempt, batch_id, n) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?",
            by_partition.values(),
        )

    def put_hours(self, head: Head, hours: HourTotals) -> None:
        positions = [(head.job, *at, head.by, head.batch_id, head.write_ts) for at in hours]
        levels = [[(head.job, *at, head.by, head.batch_id, dict(levels), head.write_ts)] for at, levels in hours.items()]
        self.session.write_tables({
            "INSERT INTO ledger_hour (job, hour, shard, attempt, batch_id, levels) VALUES (?, ?, ?, ?, ?, ?) USING TIMESTAMP ?": levels,
            "INSERT INTO hour (job, hour, shard, attempt, batch_id) VALUES (?, ?, ?, ?, ?) USING TIMESTAMP ?": [positions],
        })  # fmt: skip

    def put_rejected(self, head: Head, lines: Sequence[RejectedLine]) -> None:
        batch = head.job, day_of(head.write_ts), head.by, head.batch_id
        self.session.write_partitions(
            "INSERT INTO rejected_line (job, day, attempt, batch_id, topic, partition, offset, service, reason, value, appended_at) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?",
            [[(*batch, x.topic, x.partition, x.offset, x.service, x.reason, x.value, x.append_ms, head.write_ts) for x in lines]],
        )
