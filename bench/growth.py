"""Measure how each cost grows with its driver (lines, partitions, services ...), over two orders of magnitude.

    python bench/growth.py [--lines 400000] [--json FILE] [--home DIR]

Starts its own Kafka and Cassandra. Each is measured at three sizes. The figure is the CPU of the Spark driver; for `hours stored` and
`jobs` that of this process. A cost that grows faster than linearly is a defect. The exit code is 1 if a count differs from the truth.
"""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "plugins")]

from bench.drivers import Parts, counted, differences, drain, parts, spec_of  # noqa: E402
from bench.harness import Report, options  # noqa: E402
from bench.lines import MIX, fill, mix  # noqa: E402
from drill.generator import Mix  # noqa: E402
from spark_jobs.counts.cells import HOUR_MS, Delta  # noqa: E402
from spark_jobs.counts.deltas import Counted, counting_writer  # noqa: E402
from spark_jobs.protocol.head import Batch, Progress, Totals, first_head  # noqa: E402
from spark_jobs.protocol.partition import of_source  # noqa: E402
from weir.counts.panes import Windows  # noqa: E402
from weir.counts.query import Question, counts  # noqa: E402
from weir.supervise.start.takeover import take_over  # noqa: E402

HOUR, UNIT = 1_768_435_200_000, "CPU-s"
SIGNATURES = (10, 100, 1000)


def drained(bench: Parts, report: Report, driver: str, size: int, lines: int, kind: Mix = MIX, partitions: int = 4) -> None:
    """Drain a topic of its own."""
    topic = f"{driver.replace(' ', '_')}_{size}"
    truth = fill(bench.settings, topic, lines, kind, partitions)
    spec = spec_of(topic, topic, engine="native", signature_cap=SIGNATURES[-1])  # else the rarest are under ~other, as they should be
    found = drain(bench, spec)
    report.wrong += [f"{topic}: {each}" for each in differences(counted(bench, topic), truth)]
    report.add(f"{driver} {size}", UNIT, found.cost.cpu_s)


def stored(bench: Parts, report: Report, hours: int) -> None:
    """Ask for the last hour of a job that has so many hours."""
    job, at = f"hours_{hours}", lambda offset: of_source("topic", {0: offset})
    with bench.store() as store:
        store.create_head(first_head(job, at(0), 1))
        writer = counting_writer(store, job, take_over(store, job, 0).attempt, "bench", "bench", 4, lambda: time.time_ns() // 1000)
        writer.start()
        for n in range(hours):
            deltas = [Delta(HOUR + n * HOUR_MS, f"service-{s}", "error", "a", 1) for s in range(50)]
            one = Counted(deltas, Totals(50, {"error": 50}), Progress())
            writer.write(Batch(n, at(50 * n), at(50 * (n + 1))), lambda _, one=one: one)
        last = Question(Windows(60_000, 60_000), HOUR + (hours - 1) * HOUR_MS, HOUR + hours * HOUR_MS, by=("service",))
        for _ in range(3):
            began = time.process_time()
            rows = counts(store, job, last)
            used = time.process_time() - began
        if sum(row["n"] for row in rows) != 50:
            report.wrong.append(f"{job}: {rows}")
        report.add(f"hours stored {hours}", UNIT, used)


def supervised(home: Path, report: Report, jobs: int) -> None:
    """Let the watch look at so many jobs in memory."""
    from bench.fleet import World

    world = World(jobs, home / f"fleet{jobs}")
    for _ in range(3):
        world.land()
        began = time.process_time()
        world.manager.tick()
        used = time.process_time() - began
    report.add(f"jobs {jobs}", UNIT, used)


def main() -> int:
    asked = options(__doc__)
    asked.add_argument("--lines", type=int, default=400_000)
    chosen, report = asked.parse_args(), Report("growth")
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory(prefix="weir-growth-") as temporary:
        home = chosen.home or Path(temporary)
        with parts(home) as bench:
            bench.archive_classes()
            for lines in (1, 10, 100):
                drained(bench, report, "lines", lines * chosen.lines // 10, lines * chosen.lines // 10)
            for partitions in (2, 20, 200):
                drained(bench, report, "partitions", partitions, chosen.lines, partitions=partitions)
            for services in (5, 50, 500):
                drained(bench, report, "services", services, chosen.lines, mix(services=services))
            for signatures in SIGNATURES:
                drained(bench, report, "signatures", signatures, chosen.lines, mix(signatures=signatures))
            for hours in (2, 20, 200):
                stored(bench, report, hours)
        os.environ |= {"AIRFLOW_HOME": str(home / "airflow"), "WEIR_HOME": str(home), "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR"}
        for jobs in (10, 100, 1000):
            supervised(home, report, jobs)
    return report.end(chosen.json)


if __name__ == "__main__":
    sys.exit(main())
