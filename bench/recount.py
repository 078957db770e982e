"""Measure how fast `weir recount` reads lines again and compares them, in one process and in one for each core.

    python bench/recount.py [--lines 4000000] [--workers 0] [--json FILE]

Starts its own Kafka and Cassandra, fills a topic with generated lines, and lands the generator's truth in batches with the driver's own
protocol. Then it runs the command, once in one process and once in several, and measures it from outside: CPU of the command with all its
children, start included, and the largest sum of their memory. If a recount does not prove every line, the exit code is 1.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import psutil

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "plugins")]

from bench.drain import MIX, START_MS, Cost, fill, show, watch  # noqa: E402
from drill.generator import Truth  # noqa: E402
from spark_jobs.counts.cells import Delta  # noqa: E402
from spark_jobs.counts.deltas import Counted, counting_writer  # noqa: E402
from spark_jobs.protocol.head import Batch, Progress, Totals, first_head  # noqa: E402
from spark_jobs.protocol.partition import of_source  # noqa: E402
from tests.parts import running  # noqa: E402
from weir.addresses import address  # noqa: E402
from weir.cassandra.migrate import migrate  # noqa: E402
from weir.cassandra.store import CassandraStore  # noqa: E402
from weir.counts.tally import cores  # noqa: E402
from weir.factory import source_of  # noqa: E402
from weir.settings import Settings  # noqa: E402
from weir.supervise.start.takeover import take_over  # noqa: E402

JOB, TOPIC = "error_counts", "logs"


def land(settings: Settings, truth: Truth) -> None:
    """Land one batch of all lines, as a driver does, with the generator's truth."""
    store, broker = CassandraStore.connect(address(settings), patience_s=60), source_of(settings)
    topic_id = broker.topic_id(TOPIC)
    start, end = (of_source(topic_id, offsets) for offsets in (broker.earliest_offsets(TOPIC), broker.end_offsets(TOPIC)))
    store.create_head(first_head(JOB, start, 1))
    writer = counting_writer(store, JOB, take_over(store, JOB, judged=0).attempt, "bench", "bench", 4, lambda: time.time_ns() // 1000)
    writer.start()
    levels: Counter[str] = truth.levels()
    deltas = [Delta(*cell, n) for cell, n in truth.panes.items()]
    counted = Counted(deltas, Totals(truth.lines, dict(levels), dict(truth.rejected)), Progress())
    writer.write(Batch(0, start, end), lambda _: counted)
    store.close()


def recounted(settings: Settings, lines: int, *options: str) -> tuple[Cost, bool]:
    """Run the command as an operator does. Return whether it proved every line."""
    env = {
        **os.environ, "WEIR_HOME": settings.home, "WEIR_KAFKA": settings.kafka, "WEIR_CASSANDRA_PORT": str(settings.cassandra_port),
        "PYTHONPATH": os.environ.get("WEIR_BENCH_PATH") or f"{PROJECT / 'plugins'}:{PROJECT}",
    }  # fmt: skip
    told = Path(settings.home) / "recount.json"
    began = time.monotonic()
    with told.open("wb") as out:
        child = psutil.Popen([sys.executable, "-m", "weir.cli", "recount", JOB, *options], stdout=out, env=env)
        cpu, memory = watch(child, lambda: child.poll() is not None)
    cost = Cost(lines, time.monotonic() - began, cpu, memory)
    found = json.loads(told.read_text() or "{}")
    return cost, (found.get("missing"), found.get("doubled"), found.get("checked_lines")) == (0, 0, lines)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--lines", type=int, default=4_000_000)
    options.add_argument("--workers", type=int, default=0, help="processes of the second run; 0 for one for each core")
    options.add_argument("--json", type=Path, help="also write the figures to this file")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="weir-recount-") as home:
        return run(chosen.lines, chosen.workers or cores(), Path(home), chosen.json)


def run(lines: int, workers: int, home: Path, report: Path | None) -> int:
    with running(home, "kafka", "cassandra") as settings:
        migrate(settings)
        print(f"filling a topic with {lines:,} lines, {MIX.events_per_s:,} a second of event time from {START_MS} on", flush=True)
        land(settings, fill(settings, TOPIC, lines))
        costs = {}
        proven = True
        for name, asked in (("one process", ["--workers", "1"]), (f"{workers} processes", ["--workers", str(workers)])):
            costs[name], exact = recounted(settings, lines, *asked)
            proven = proven and exact
            show(name, costs[name])
    one, several = costs.values()
    print(f"{one.wall_s / several.wall_s:.2f} times as fast in {workers} processes; {'all proven' if proven else 'NOT PROVEN'}")
    if report:
        report.write_text(json.dumps({**{n: c.as_dict() for n, c in costs.items()}, "proven": proven}, indent=2) + "\n")
    return 0 if proven else 1


if __name__ == "__main__":
    sys.exit(main())
