"""Measure a collector: lines a second and CPU, with acknowledgements, from a sender to Kafka.

    python bench/collect.py [--lines N] [--rounds N] [--json FILE]

A sender in this process writes lines to `weir collect tcp --acknowledge`, which runs as a process of its own with its spool on disk.
Its CPU is counted until the last line was committed in Kafka. So a core's lines a second are those of all its work: receive, write and
sync, acknowledge, send.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "plugins")]

from bench import harness  # noqa: E402
from bench.lines import MIX, START_MS  # noqa: E402
from drill.generator import Generator  # noqa: E402
from tests.collecting import Process, collecting, send  # noqa: E402
from tests.parts import make_topic, running, until  # noqa: E402
from weir.settings import Settings  # noqa: E402
from weir.sources.kafka import KafkaBroker  # noqa: E402

LINES = 500_000
MIB = 1024 * 1024


def lines_of(n: int) -> list[bytes]:
    """Return lines as Apache writes them."""
    return [line for block in Generator(1, START_MS, MIX).blocks(n) for _, line in block]


@contextlib.contextmanager
def started(settings: Settings, folder: Path, topic: str) -> Iterator[tuple[Process, int]]:
    """Start a collector, and give it with its port."""
    with collecting(settings, folder, "tcp", "--port", "0", "--topic", topic, "--acknowledge") as made:
        yield made, int(made.saying(r"127\.0\.0\.1:(\d+) for the topic"))
        made.stop()


def one(settings: Settings, folder: Path, lines: Sequence[bytes], report: harness.Report) -> None:
    """Send all lines once."""
    topic, broker = f"bench-{time.monotonic_ns()}", KafkaBroker(settings.kafka)
    make_topic(settings, topic)
    with started(settings, folder / topic, topic) as (made, port):
        process = psutil.Process(made.process.pid)
        before, began = harness.used(process)[0], time.monotonic()
        safe = send(port, list(lines))
        acknowledged_s = time.monotonic() - began
        until(lambda: sum(broker.end_offsets(topic).values()) >= len(lines), "all lines are committed", 60)
        committed_s = time.monotonic() - began
        cpu, resident = harness.used(process)
    report.add("lines acknowledged a second", "lines/s", len(lines) / acknowledged_s)
    report.add("lines committed a second", "lines/s", len(lines) / committed_s)
    report.add("lines a second and core, from the sender to Kafka", "lines/s", len(lines) / (cpu - before))
    report.add("memory at the end", "MiB", resident / MIB)
    if safe != len(lines):
        report.wrong.append(f"{safe} of {len(lines)} lines were acknowledged")


def main() -> int:
    options = harness.options(__doc__)
    options.add_argument("--lines", type=int, default=LINES)
    options.add_argument("--rounds", type=int, default=2)
    asked = options.parse_args()
    report, lines = harness.Report("collect"), lines_of(asked.lines)
    report.add("bytes of a line", "bytes", sum(map(len, lines)) / len(lines))
    with contextlib.ExitStack() as stack:
        folder = asked.home or Path(stack.enter_context(tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR"))))
        settings = stack.enter_context(running(folder / "kafka", "kafka"))
        for _ in range(asked.rounds):
            one(settings, folder, lines, report)
    return report.end(asked.json)


if __name__ == "__main__":
    sys.exit(main())
