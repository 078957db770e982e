"""Measure the speed of folding on a real Cassandra, compared with only reading the same rows.

    python bench/fold.py [--batches 360] [--json FILE]

Starts its own Cassandra and lands made-up batches in two equal days. The deltas of the first day are read (the floor) and then folded;
those of the second are folded with the check by Great Expectations. Then the first day is rolled up, and counted by panes, hours and days.
CPU is that of this process and of Cassandra. Each figure is also a ratio to reading, measured in the same run. If a count differs, the exit
code is 1.
"""

from __future__ import annotations

import importlib
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from spark_jobs.protocol.partition import numbers, of_source

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "plugins")]

from bench.harness import Cost, Report, cost, options  # noqa: E402
from spark_jobs.counts.cells import DAY_MS, HOUR_MS, Delta  # noqa: E402
from spark_jobs.counts.deltas import Counted, counting_writer  # noqa: E402
from spark_jobs.protocol.head import Batch, Progress, Totals, first_head  # noqa: E402
from tests.parts import running  # noqa: E402
from weir.addresses import address  # noqa: E402
from weir.cassandra.migrate import migrate  # noqa: E402
from weir.cassandra.store import CassandraStore  # noqa: E402
from weir.counts.folding import fold_many, roll_up_many  # noqa: E402
from weir.counts.panes import Windows  # noqa: E402
from weir.counts.quality.gate import gate  # noqa: E402
from weir.counts.query import ALL, Question, counts  # noqa: E402
from weir.counts.rules import Rules  # noqa: E402
from weir.ports.counts import HourShard  # noqa: E402
from weir.supervise.start.takeover import take_over  # noqa: E402

at = partial(of_source, "topic")  # offsets by partition

JOB, SHARDS, HOURS = "bench", 4, 4
DAY = 1_768_435_200_000  # 15 January 2026
SERVICES = [f"service-{n}" for n in range(20)]
LINES_A_CELL = 12


def batch_of(start: int, n: int) -> list[Delta]:
    """Make the deltas of one batch of ten seconds: for each service ten kinds of errors and two other levels, in two panes."""
    panes = start + 10_000 * n, start + 10_000 * ((n + 1) % 360)
    kinds = [("error", f"cannot open * of kind {i}") for i in range(10)] + [("warn", ""), ("info", "")]
    return [Delta(pane, service, level, text, LINES_A_CELL) for pane in panes for service in SERVICES for level, text in kinds]


def land(store: CassandraStore, hours: Sequence[int], batches: int) -> int:
    """Land `batches` in each of the hours. Return the number of rows."""
    head = store.head(JOB)
    if head is None:
        store.create_head(first_head(JOB, at({0: 0}), 1))
        head = store.head(JOB)
    assert head is not None
    attempt = take_over(store, JOB, head.attempt).attempt
    writer = counting_writer(store, JOB, attempt, f"process-{attempt}", "v1", SHARDS, lambda: time.time_ns() // 1000)
    writer.start()
    batch_id, offset, rows = head.last_landed + 1, numbers(head.frontier)[0], 0
    for hour in hours:
        for n in range(batches):
            deltas = batch_of(hour, n)
            lines = LINES_A_CELL * len(deltas)
            levels = {level: sum(d.n for d in deltas if d.level == level) for level in ("error", "warn", "info")}
            counted = Counted(deltas, Totals(lines, levels), Progress(at({0: hour}), at({0: hour}), None))
            writer.write(Batch(batch_id, at({0: offset}), at({0: offset + lines})), lambda before, c=counted: c)
            batch_id, offset, rows = batch_id + 1, offset + lines, rows + len(deltas)
    return rows


def places(hours: Sequence[int]) -> list[HourShard]:
    return [(hour, shard) for hour in hours for shard in range(SHARDS)]


def ask(store: CassandraStore, width: int, by: str = "level") -> int:
    rows = counts(store, JOB, Question(Windows(width, width), DAY, DAY + DAY_MS, by=(by,), levels=ALL))
    return sum(row["n"] for row in rows)


def run(store: CassandraStore, batches: int) -> dict[str, object]:
    first, second = ([start + n * HOUR_MS for n in range(HOURS)] for start in (DAY, DAY + DAY_MS))
    rows = land(store, first, batches)
    land(store, second, batches)
    lines = rows * LINES_A_CELL
    read, _ = cost(lambda: [list(store.deltas(JOB, at)) for at in places(first)])
    own = time.process_time()
    folded, _ = cost(lambda: fold_many(store, JOB, places(first), 1))
    own = time.process_time() - own
    judge = gate(Rules(JOB, "topic"))
    judge_first, _ = cost(lambda: importlib.import_module("great_expectations"))
    gated, done = cost(lambda: fold_many(store, JOB, places(second), 1, judge))
    rolled, _ = cost(lambda: roll_up_many(store, JOB, [(DAY, shard) for shard in range(SHARDS)], 1))
    asked = {name: cost(lambda w=width: ask(store, w)) for name, width in (("panes", 10_000), ("hours", HOUR_MS), ("days", DAY_MS))}
    show("only reading the deltas", read, read, rows, lines)
    show("folding", folded, read, rows, lines)
    show("folding with the gate", gated, read, rows, lines)
    show("rolling up the day", rolled, read, rows, lines)
    for name, (spent, _) in asked.items():
        show(f"counting by {name}", spent, read, rows, lines)
    warm_ms = min(cost(lambda: ask(store, DAY_MS, "service"))[0].wall_s for _ in range(5)) * 1000
    each_ms = 1000 * (gated.cpu_s - folded.cpu_s) / len(done)
    print(f"the gate: {each_ms:.0f} CPU-ms a place, and once {judge_first.cpu_s:.1f} CPU-s to import Great Expectations")
    ratios = {"fold": folded, "gated": gated, "roll_up": rolled, **{f"count_by_{name}": spent for name, (spent, _) in asked.items()}}
    return {
        "rows": rows,
        "lines": lines,
        "fold_rows_per_s": round(rows / folded.wall_s),
        "fold_lines_per_s": round(lines / folded.wall_s),
        "fold_cpu_s": round(folded.cpu_s, 2),
        "fold_panes_per_own_cpu_s": round(rows / own),
        "counts_of_a_day_by_service_ms": round(warm_ms, 1),
        "read_rows_per_s": round(rows / read.wall_s),
        "to_reading": {name: spent.beside(read) for name, spent in ratios.items()},
        "gate_cpu_ms_per_place": round(each_ms, 1),
        "exact": all(n == lines for _, n in asked.values()) and sum(f.lines for f in done) == lines,
    }


def show(name: str, spent: Cost, floor: Cost, rows: int, lines: int) -> None:
    beside = spent.beside(floor)
    print(
        f"{name:>24}: {spent.wall_s:7.2f} s, {rows / spent.wall_s:>9,.0f} rows/s, {lines / spent.wall_s:>11,.0f} lines/s, "
        f"{spent.cpu_s:6.2f} CPU-s; to reading: {beside['wall']:.2f} of the time, {beside['cpu']:.2f} of the CPU",
        flush=True,
    )


def main() -> int:
    asked = options(__doc__)
    asked.add_argument("--batches", type=int, default=360, help="batches in each of eight hours")
    chosen, report = asked.parse_args(), Report("fold")
    with tempfile.TemporaryDirectory(prefix="weir-fold-") as home, running(chosen.home or Path(home), "cassandra") as settings:
        migrate(settings)
        store = CassandraStore.connect(address(settings), patience_s=60)
        figures = run(store, chosen.batches)
        store.close()
    report.take(figures)
    report.wrong += [] if figures["exact"] else ["a count differs"]
    return report.end(chosen.json)


if __name__ == "__main__":
    sys.exit(main())
