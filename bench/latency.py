"""Measure the time from a line in Kafka to its count in Cassandra under a steady load, and the driver's CPU and memory.

    python bench/latency.py [--rates 1000,50000] [--triggers 0,1] [--seconds 60] [--json FILE] [--home DIR]

Starts its own Kafka and Cassandra, and one driver for each rate and trigger. A line's time is from when the broker appended it to when a
reader first saw a head that has its batch as landed (looked at every 10 ms): from then on `weir counts` includes it. The first 15 s after
the first batch are left out. With `--seconds 1800` and a rate near the maximum it is a soak: the first and the last third are compared, and
a line's time is that of lines which the broker still has. If a batch is lost or the lines do not add up, the exit code is 1.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median

import psutil

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "plugins")]

from confluent_kafka import Consumer, Producer, TopicPartition  # noqa: E402

from bench.drivers import Driver, Parts, driver, parts, spec_of  # noqa: E402
from bench.harness import Report, options, used  # noqa: E402
from bench.lines import MIX, PARTITIONS, START_MS  # noqa: E402
from drill.generator import Generator  # noqa: E402
from spark_jobs.protocol.head import Head, State  # noqa: E402
from tests.parts import make_topic, until  # noqa: E402

WARM_S = 15.0


@dataclass
class Seen:
    """What was seen of a driver while it ran."""

    heads: list[tuple[float, Head]] = field(default_factory=list)  # landed ones, and when each was first seen (s)
    usage: list[tuple[float, float, float]] = field(default_factory=list)  # time (s), CPU seconds, resident MiB

    def batches(self, since: float) -> list[Head]:
        return [head for at, head in self.heads if at >= since]


@contextmanager
def watched(bench: Parts, one: Driver) -> Iterator[Seen]:
    """Look at the head and the driver's resources in a thread of its own."""
    seen, stop, process = Seen(), threading.Event(), psutil.Process(one.process.pid)

    def look() -> None:
        with bench.store() as store:
            while not stop.wait(0.01):
                head, now = store.plain_head(one.spec.name), time.time()  # a plain read: that many serial reads would slow the driver down
                if head and head.state is State.LANDED and head.has_batch and (not seen.heads or seen.heads[-1][1] != head):
                    seen.heads.append((now, head))
                if not seen.usage or now - seen.usage[-1][0] >= 1.0:
                    cpu, memory = used(process)
                    seen.usage.append((now, cpu, memory / 2**20))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join()


class Load:
    """Sends lines at a steady rate from a thread of its own, 20 times a second."""

    def __init__(self, servers: str, topic: str, rate: int) -> None:
        self.sent, self._topic, self._rate, self._stop = 0, topic, rate, threading.Event()
        self._producer = Producer({"bootstrap.servers": servers, "linger.ms": 5, "acks": "all", "queue.buffering.max.messages": 1_000_000})
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Stop, and wait until all lines are acknowledged."""
        self._stop.set()
        self._thread.join()
        assert self._producer.flush(120) == 0

    def _run(self) -> None:
        due, slice_ = time.monotonic(), max(1, self._rate // 20)
        for block in Generator(1, START_MS, replace(MIX, events_per_s=self._rate)).blocks():
            for first in range(0, len(block), slice_):
                for service, line in block[first : first + slice_]:
                    self._producer.produce(self._topic, line, service, partition=self.sent % PARTITIONS)
                    self.sent += 1
                self._producer.poll(0)
                due = max(due + slice_ / self._rate, time.monotonic() - 1.0)
                if self._stop.wait(max(0.0, due - time.monotonic())):
                    return


def appended(bench: Parts, topic: str) -> Iterator[tuple[int, int, float]]:
    """Yield partition, offset and append time (s) of every record of a topic that the broker still has."""
    consumer = Consumer(
        {
            "bootstrap.servers": bench.settings.kafka,
            "group.id": "bench",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
        }
    )
    consumer.assign([TopicPartition(topic, p, 0) for p in range(PARTITIONS)])
    ended = 0
    while ended < PARTITIONS:
        for message in consumer.consume(20_000, 1.0):
            if message.error():
                ended += 1
            else:
                yield message.partition(), message.offset(), message.timestamp()[1] / 1000
    consumer.close()


def delays(bench: Parts, topic: str, seen: Seen, since: float) -> Sequence[float]:
    """Return the seconds of each line that was appended after `since`. Raises AssertionError if a line is in no batch that was seen."""
    ends: dict[int, list[tuple[int, float]]] = {p: [] for p in range(PARTITIONS)}
    for at, head in seen.heads:
        for partition, end in head.end.items():
            ends[partition.number].append((end, at))
    places, found = dict.fromkeys(ends, 0), array("d")  # a partition is read in order, so its place only moves on
    for partition, offset, when in appended(bench, topic):
        mine, place = ends[partition], places[partition]
        while place < len(mine) and mine[place][0] <= offset:
            place += 1
        assert place < len(mine), f"line {offset} of partition {partition} has not landed"
        places[partition] = place
        if when >= since:
            found.append(mine[place][1] - when)
    return sorted(found)


def measure(bench: Parts, rate: int, trigger: float, seconds: float, report: Report) -> None:
    """Measure one rate and trigger."""
    name = f"at_{rate}_{trigger:g}"
    make_topic(bench.settings, name)
    load = Load(bench.settings.kafka, name, rate)
    spec = spec_of(name, name, engine="native").model_copy(update={"trigger": trigger})
    with driver(bench, spec) as one, watched(bench, one) as seen:
        load.start()
        until(lambda: seen.heads, "a batch has landed")
        time.sleep(WARM_S)
        since = time.time()
        time.sleep(seconds)
        load.stop()
        until(lambda: sum(seen.heads[-1][1].end.values()) == load.sent, "all lines have landed")
    figures(report, f"{rate:,} lines/s, trigger {trigger:g} s", delays(bench, name, seen, since), seen, since, seconds)


def figures(report: Report, name: str, found: Sequence[float], seen: Seen, since: float, seconds: float) -> None:
    """Add the figures of one load."""
    took = sorted(head.landed_at - head.began_at for head in seen.batches(since))
    usage = [row for row in seen.usage if row[0] >= since]
    for share in (50, 99):
        report.add(f"{name}: line to readable count, p{share}", "ms", 1000 * found[len(found) * share // 100])
    report.add(f"{name}: measured for", "s", seconds)
    report.add(f"{name}: batch time, p50", "ms", median(took))
    report.add(f"{name}: CPU of the driver", "cores", (usage[-1][1] - usage[0][1]) / (usage[-1][0] - usage[0][0]))
    report.add(f"{name}: memory of the driver", "MiB", max(row[2] for row in usage))
    third = since + seconds / 3, since + 2 * seconds / 3
    first, last = ([row[2] for row in usage if so(row[0])] for so in (lambda t: t < third[0], lambda t: t >= third[1]))
    report.add(f"{name}: memory, last third beside the first", "times", median(last) / median(first))
    early, late = (
        [h.landed_at - h.began_at for at, h in seen.heads if so(at)] for so in (lambda t: since <= t < third[0], lambda t: t >= third[1])
    )
    report.add(f"{name}: batch time, last third beside the first", "times", median(late) / median(early))


def main() -> int:
    asked = options(__doc__)
    asked.add_argument("--rates", default="1000,50000", help="lines a second")
    asked.add_argument("--triggers", default="0,1", help="seconds")
    asked.add_argument("--seconds", type=float, default=60)
    chosen = asked.parse_args()
    report = Report("latency")
    with tempfile.TemporaryDirectory(prefix="weir-latency-") as temporary, parts(chosen.home or Path(temporary)) as bench:
        bench.archive_classes()
        for rate in chosen.rates.split(","):
            for trigger in chosen.triggers.split(","):
                measure(bench, int(rate), float(trigger), chosen.seconds, report)
    return report.end(chosen.json)


if __name__ == "__main__":
    sys.exit(main())
