"""Measure how fast `weir recount` reads lines again and compares them, in one process and in one for each core.

    python bench/recount.py [--lines 4000000] [--workers 0] [--json FILE]

Starts its own Kafka and Cassandra, fills a topic with generated lines, and lands the generator's truth in batches with the driver's own
protocol. Then it runs the command, once in one process and once in several, and measures it from outside: CPU of the command with all its
children, start included, and the largest sum of their memory. If a recount does not prove every line, the exit code is 1.
"""

from __future__ import annotations

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

from bench.harness import Cost, Report, options, watch  # noqa: E402
from bench.lines import fill  # noqa: E402
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


def recounted(settings: Settings, lines: int, *given: str) -> tuple[Cost, bool]:
    """Run the command as an operator does. Return whether it proved every line."""
    env = {
        **os.environ, "WEIR_HOME": settings.home, "WEIR_KAFKA": settings.kafka, "WEIR_CASSANDRA_PORT": str(settings.cassandra_port),
        "PYTHONPATH": os.environ.get("WEIR_BENCH_PATH") or f"{PROJECT / 'plugins'}:{PROJECT}",
    }  # fmt: skip
    told = Path(settings.home) / "recount.json"
    with told.open("wb") as out:
        child = psutil.Popen([sys.executable, "-m", "weir.cli", "recount", JOB, *given], stdout=out, env=env)
        spent = watch(child, lambda: child.poll() is not None)
    found = json.loads(told.read_text() or "{}")
    return spent, (found.get("missing"), found.get("doubled"), found.get("checked_lines")) == (0, 0, lines)


def main() -> int:
    asked = options(__doc__)
    asked.add_argument("--lines", type=int, default=4_000_000)
    asked.add_argument("--workers", type=int, default=0, help="processes of the second run; 0 for one for each core")
    chosen, report = asked.parse_args(), Report("recount")
    workers = chosen.workers or cores()
    with tempfile.TemporaryDirectory(prefix="weir-recount-") as home, running(chosen.home or Path(home), "kafka", "cassandra") as settings:
        migrate(settings)
        land(settings, fill(settings, TOPIC, chosen.lines))
        for name, number in (("one process", 1), (f"{workers} processes", workers)):
            spent, exact = recounted(settings, chosen.lines, "--workers", str(number))
            report.wrong += [] if exact else [f"{name}: not every line was proven"]
            report.add(f"{name}, speed", "lines/s", chosen.lines / spent.wall_s)
            report.add(f"{name}, CPU", "CPU-s a million lines", spent.cpu_s / chosen.lines * 1e6)
            report.add(f"{name}, memory", "MiB", spent.memory_mib)
    return report.end(chosen.json)


if __name__ == "__main__":
    sys.exit(main())
