"""Measure how fast a driver writes deltas into one Cassandra node, and what a row costs.

    python bench/writes.py [--rows 100000] [--rounds 5] [--json FILE] [--home DIR]

Starts its own Cassandra. Each round lands one batch of made-up deltas with the driver's own writer: `rows` cells in 40 panes of one hour.
CPU is that of this process; Cassandra's is a figure of its own. If a count that is read back differs, the exit code is 1.
"""

from __future__ import annotations

import sys
import tempfile
import time
from functools import partial
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "plugins")]

from bench.harness import Report, options  # noqa: E402
from spark_jobs.counts.cells import Delta  # noqa: E402
from spark_jobs.counts.deltas import Counted, counting_writer  # noqa: E402
from spark_jobs.protocol.head import Batch, Progress, Totals, first_head  # noqa: E402
from spark_jobs.protocol.partition import of_source  # noqa: E402
from tests.parts import running  # noqa: E402
from weir.addresses import address  # noqa: E402
from weir.cassandra.migrate import migrate  # noqa: E402
from weir.cassandra.store import CassandraStore  # noqa: E402
from weir.counts.read import snapshot  # noqa: E402
from weir.supervise.start.takeover import take_over  # noqa: E402

at = partial(of_source, "topic")  # offsets by partition
JOB, HOUR, PANES, SERVICES, SHARDS = "bench", 1_768_435_200_000, 40, 20, 4


def deltas(rows: int) -> list[Delta]:
    """Make so many different cells."""
    texts = [f"[client *] AH{kind:05}: File does not exist: *" for kind in range(rows // PANES // SERVICES + 1)]
    return [
        Delta(HOUR + 10_000 * (n % PANES), f"service-{n // PANES % SERVICES}", "error", texts[n // PANES // SERVICES], 3)
        for n in range(rows)
    ]


def main() -> int:
    asked = options(__doc__)
    asked.add_argument("--rows", type=int, default=100_000)
    asked.add_argument("--rounds", type=int, default=5)
    chosen = asked.parse_args()
    report, made = Report("writes"), deltas(chosen.rows)
    with tempfile.TemporaryDirectory(prefix="weir-writes-") as temporary, running(chosen.home or Path(temporary), "cassandra") as settings:
        migrate(settings)
        store = CassandraStore.connect(address(settings), patience_s=60)
        store.create_head(first_head(JOB, at({0: 0}), 1))
        attempt = take_over(store, JOB, judged=0).attempt
        writer = counting_writer(store, JOB, attempt, "bench", "bench", SHARDS, lambda: time.time_ns() // 1000)
        writer.start()
        lines = 3 * chosen.rows
        counted = Counted(made, Totals(lines, {"error": lines}), Progress())
        for n in range(chosen.rounds + 1):
            wall, cpu = time.monotonic(), time.process_time()
            writer.write(Batch(n, at({0: n * lines}), at({0: (n + 1) * lines})), lambda _: counted)
            if n:  # the first one warms up
                report.add("rows written", "rows/s", chosen.rows / (time.monotonic() - wall))
                report.add("CPU of the driver", "CPU-s per 100,000 rows", (time.process_time() - cpu) / chosen.rows * 1e5)
        seen = snapshot(store, JOB, [(touched.hour, touched.shard) for touched in store.hours(JOB)])
        found = sum(n for cells in seen.cells.values() for n in cells.values())
        if found != lines * (chosen.rounds + 1):
            report.wrong.append(f"{found} lines are stored, {lines * (chosen.rounds + 1)} were written")
        store.close()
    return report.end(chosen.json)


if __name__ == "__main__":
    sys.exit(main())
