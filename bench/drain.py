"""Measure how fast, and with how much CPU, a filled topic drains into Cassandra, beside programs that do the same or less.

    python bench/drain.py [--lines 4000000] [--rounds 5] [--programs reader,native,spark] [--json FILE] [--home DIR]

Starts its own Kafka and Cassandra, and fills a topic with generated lines. `native` and `spark` are error_counts with that engine, run as a
cluster would, with the tasks inside the driver and with the class archive; the others are those of bench/peers. All take turns in ABBA
order. CPU is that of a program with all its children, from its first instruction to the landing of the last line (or to its end), without
brokers, stores and producer. `warm` leaves out the first 40 % of the lines. If one program's counts differ from the generator's truth, no
figure counts, and the exit code is 1.
"""

from __future__ import annotations

import itertools
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "plugins")]

from bench.drivers import Drained, Parts, counted, differences, drain, parts, spec_of  # noqa: E402
from bench.harness import Cost, Report, abba, options, to_its_end  # noqa: E402
from bench.lines import Window, digest, fill, windows  # noqa: E402
from bench.peers import PEERS, Run  # noqa: E402
from drill.generator import Truth  # noqa: E402

ENGINES = ("native", "spark")
READER = "reader"  # the floor: it only reads
TOPIC = "drain"
CACHE = Path.home() / ".cache" / "weir-bench"
Result = tuple[Cost, Drained | None]


class Programs:
    """What can drain the topic, by name."""

    def __init__(self, bench: Parts, truth: Truth, lines: int, batch: int, report: Report) -> None:
        self._bench, self._truth, self._lines, self._batch, self._report = bench, truth, lines, batch, report
        self._expected = windows(truth.panes.items())
        self._runs = itertools.count()

    def program(self, name: str) -> Callable[[], Result]:
        return lambda: self._engine(name) if name in ENGINES else self._peer(name)

    def _engine(self, name: str) -> Result:
        spec = spec_of(f"{name}_{next(self._runs)}", TOPIC, self._batch, engine=name)
        drained, found = drain(self._bench, spec), counted(self._bench, spec.name)
        self._report.wrong += [f"{spec.name}: {each}" for each in differences(found, self._truth)]
        self._compare(spec.name, windows(found[0].items()))
        return drained.cost, drained

    def _peer(self, name: str) -> Result:
        home = self._bench.stack.home / f"{name}_{next(self._runs)}"
        home.mkdir()
        settings = self._bench.settings
        run = Run(settings.kafka, TOPIC, home, ("127.0.0.1", settings.cassandra_port), self._lines)
        command, env = PEERS[name].command(run)
        spent = to_its_end(command, env, home)
        if name != READER:
            rows = json.loads((home / "result.json").read_text())
            self._compare(home.name, Counter({(start, service, level): n for start, service, level, n in rows}))
        return spent, None

    def _compare(self, run: str, found: Counter[Window]) -> None:
        if digest(found) != digest(self._expected):
            wrong = [window for window in found.keys() | self._expected.keys() if found[window] != self._expected[window]]
            self._report.wrong.append(f"{run}: {len(wrong)} windows differ, such as {min(wrong)}: {found[min(wrong)]}")


def add(report: Report, name: str, found: Sequence[Result], lines: int) -> None:
    """Add a program's figures."""
    for spent, drained in found:
        report.add(f"{name}, CPU", "CPU-s a million lines", spent.cpu_s / lines * 1e6)
        report.add(f"{name}, speed", "lines/s", lines / spent.wall_s)
        report.add(f"{name}, memory", "MiB", spent.memory_mib)
        if drained:
            warm = drained.warm()
            report.add(f"{name}, warm, CPU", "CPU-s a million lines", warm.cpu_s)
            report.add(f"{name}, warm, speed", "lines/s", 1e6 / warm.at_s)
            for work, cpu_s in warm.parts.items():
                report.add(f"{name}, warm, {work}", "CPU-s a million lines", cpu_s)
            report.add(f"{name}, batches", "batches", drained.batches)


def main() -> int:
    asked = options(__doc__)
    asked.add_argument("--lines", type=int, default=4_000_000)
    asked.add_argument("--rounds", type=int, default=5)
    asked.add_argument("--programs", default="reader,native,spark", help=f"of {', '.join([*ENGINES, *PEERS])}")
    asked.add_argument("--batch", type=int, default=0, help="limits.lines_per_batch instead of that of the spec")
    chosen = asked.parse_args()
    report = Report("drain")
    with tempfile.TemporaryDirectory(prefix="weir-drain-") as temporary, parts(chosen.home or Path(temporary)) as bench:
        names = chosen.programs.split(",")
        for name in set(names) & PEERS.keys():
            PEERS[name].prepare(CACHE)
        truth = fill(bench.settings, TOPIC, chosen.lines)
        bench.archive_classes()
        programs = Programs(bench, truth, chosen.lines, chosen.batch, report)
        found = abba({name: programs.program(name) for name in names}, chosen.rounds)
        for name, results in found.items():
            add(report, name, results, chosen.lines)
        for name in names[1:]:
            report.compare(f"{name}, CPU", f"{names[0]}, CPU")
        if "native" in names:
            for name in set(names) & (PEERS.keys() - {READER}):
                report.compare("native, CPU", f"{name}, CPU")
                report.compare("native, speed", f"{name}, speed")
        report.add("cells", "cells", len(truth.panes))
        report.add("lines", "lines", chosen.lines)
    return report.end(chosen.json)


if __name__ == "__main__":
    sys.exit(main())
