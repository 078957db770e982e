"""Measure a driver's start: from its first instruction to its first landed batch, beside a minimal Spark stream.

    python bench/start.py [--rounds 5] [--json FILE] [--home DIR]

Starts its own Kafka, with 2,000 lines, and Cassandra. Each round runs a driver of each engine and `bench/bare.py`, in turns, as a worker
starts a driver: the same JVM options, jars and class archive. The minimal stream counts as started when it has ended: it reads one batch.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "plugins")]

from bench.drivers import JOB, Parts, driver, parts, spec_of  # noqa: E402
from bench.harness import Cost, Report, abba, options, to_its_end  # noqa: E402
from bench.lines import fill  # noqa: E402
from spark_jobs.protocol.head import State  # noqa: E402
from weir.counts.rehearsal import rehearsal  # noqa: E402
from weir.factory import source_of  # noqa: E402
from weir.local.rehearse import command  # noqa: E402
from weir.local.spark import driver_env, spark_home  # noqa: E402

TOPIC, LINES = "few", 2_000


class Starts:
    """What is started, by name."""

    def __init__(self, bench: Parts) -> None:
        self._bench, self._runs = bench, 0

    def engine(self, name: str) -> Callable[[], Cost]:
        return lambda: self._engine(name)

    def _engine(self, name: str) -> Cost:
        self._runs += 1
        with driver(self._bench, spec_of(f"{name}_{self._runs}", TOPIC, engine=name)) as one:
            return one.watched(lambda head: head.state is State.LANDED and head.has_batch)

    def bare(self) -> Cost:
        asked = rehearsal(self._bench.settings, JOB, source_of(self._bench.settings))
        asked = replace(asked, application=str(PROJECT / "bench" / "bare.py"))
        return to_its_end(command(asked, spark_home()), {**driver_env(self._bench.stack), **asked.env}, self._bench.stack.home)


def main() -> int:
    asked = options(__doc__)
    asked.add_argument("--rounds", type=int, default=5)
    chosen, report = asked.parse_args(), Report("start")
    with tempfile.TemporaryDirectory(prefix="weir-start-") as temporary, parts(chosen.home or Path(temporary)) as bench:
        bench.archive_classes()
        fill(bench.settings, TOPIC, LINES)
        starts = Starts(bench)
        found = abba({"native": starts.engine("native"), "spark": starts.engine("spark"), "minimal stream": starts.bare}, chosen.rounds)
        for name, costs in found.items():
            for spent in costs:
                report.add(f"{name}, CPU", "CPU-s", spent.cpu_s)
                report.add(f"{name}, time", "s", spent.wall_s)
                report.add(f"{name}, memory", "MiB", spent.memory_mib)
        report.compare("native, CPU", "minimal stream, CPU")
        report.compare("spark, CPU", "native, CPU")
    return report.end(chosen.json)


if __name__ == "__main__":
    sys.exit(main())
