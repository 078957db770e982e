"""Run a driver as a cluster would: the same SparkSubmit with the arguments of its spec, the tasks inside the driver, the class archive."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from bench.harness import Cost, watch
from bench.lines import fill
from drill.generator import Truth
from spark_jobs.protocol.head import Head, State, first_head
from spark_jobs.protocol.partition import numbers, of_source
from tests.parts import running, start_driver
from weir.addresses import address
from weir.cassandra.migrate import migrate
from weir.cassandra.store import CassandraStore
from weir.counts.arguments import arguments
from weir.counts.read import snapshot
from weir.counts.rehearsal import rehearsal
from weir.factory import source_of
from weir.jobs.folders import sound
from weir.jobs.spec import CountsSpec, counts_of
from weir.local import class_archive, ports, rehearse, secrets
from weir.local.part import Stack
from weir.local.spark import driver_env, driver_jars, spark_home
from weir.ports.counts import Cell
from weir.settings import Settings
from weir.supervise.start.submission import submission
from weir.supervise.start.takeover import take_over

PROJECT = Path(__file__).resolve().parents[1]
JOB, TOPIC = "error_counts", "logs"  # of the shipped spec
WORK = {  # what a driver's threads do, by their names; Linux shows the first 15 characters of a name
    "Executor task i": "reading and counting",
    "python": "Python: sums, writes, claims",
    "stream executio": "planning and checkpoint",
    "VM Thread": "garbage collection",
}
REST = "the rest"  # other threads; also those that have ended, as some of the compiler's do
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Parts:
    """A Kafka and a Cassandra of a bench's own."""

    settings: Settings
    stack: Stack

    def archive_classes(self) -> None:
        """Archive the classes of drivers, as a stack does after its first start: by a rehearsal of the job on some lines."""
        fill(self.settings, TOPIC, 10_000)
        if not class_archive.archive(spark_home()).exists():
            rehearse.make(self.stack, spark_home(), rehearsal(self.settings, JOB, source_of(self.settings)), driver_env(self.stack))

    @contextmanager
    def store(self) -> Iterator[CassandraStore]:
        store = CassandraStore.connect(address(self.settings), patience_s=60)
        try:
            yield store
        finally:
            store.close()


@contextmanager
def parts(home: Path) -> Iterator[Parts]:
    """Start Kafka and Cassandra, with the tables."""
    home.mkdir(parents=True, exist_ok=True)
    stack = Stack(home, ports.WANTED, secrets.load_or_create(home))
    driver_jars()
    with running(home, "kafka", "cassandra") as settings:
        migrate(settings)
        yield Parts(settings, stack)


def spec_of(name: str, topic: str, batch: int = 0, **options: Any) -> CountsSpec:
    """Return the spec of error_counts under another name, on another topic. `batch` is `limits.lines_per_batch`; 0: that of the spec."""
    spec = counts_of(sound(PROJECT / "spark_jobs")[JOB])
    limits = spec.limits.model_copy(update={"lines_per_batch": batch} if batch else {})
    source = spec.source.model_copy(update={"topic": topic})
    return spec.model_copy(update={"name": name, "source": source, "options": {**spec.options, **options}, "limits": limits})


@dataclass(frozen=True)
class Mark:
    """A driver's time and CPU when it was first seen that so many lines have landed."""

    lines: int
    at_s: float  # since the process was made
    cpu_s: float
    parts: Mapping[str, float]  # CPU seconds by the work of its threads


@dataclass
class Drained:
    """How a driver drained a topic."""

    cost: Cost
    marks: Sequence[Mark]
    batches: int

    def warm(self, share: float = 0.4) -> Mark:
        """Return time and CPU of a million lines, of those that landed after the first `share`; `lines` is how many these were."""
        last = self.marks[-1]
        first = next(mark for mark in self.marks if mark.lines >= share * last.lines)
        millions = (last.lines - first.lines) / 1e6 or float("nan")
        cpu_s = (last.cpu_s - first.cpu_s) / millions
        parts = {work: (last.parts[work] - first.parts[work]) / millions for work in WORK.values()}
        return Mark(last.lines - first.lines, (last.at_s - first.at_s) / millions, cpu_s, {**parts, REST: cpu_s - sum(parts.values())})


def by_work(driver: psutil.Process) -> Counter[str]:
    """Return the CPU seconds of a driver and its children by the work of their threads."""
    found = Counter(dict.fromkeys(WORK.values(), 0.0))
    for each in [driver, *driver.children(recursive=True)]:
        for stat in Path(f"/proc/{each.pid}/task").glob("*/stat"):
            with suppress(OSError):  # it has just ended
                name, _, rest = stat.read_text().partition("(")[2].rpartition(")")
                if name in WORK:
                    found[WORK[name]] += sum(map(int, rest.split()[11:13])) / TICKS_A_SECOND
    return found


class Driver:
    """A running driver of attempt 1."""

    def __init__(self, bench: Parts, spec: CountsSpec) -> None:
        self._bench, self.spec = bench, spec
        broker, topic = source_of(bench.settings), spec.source.topic
        self.topic_id = broker.topic_id(topic)
        with bench.store() as store:
            store.create_head(first_head(spec.name, of_source(self.topic_id, broker.earliest_offsets(topic)), 1))
            head = take_over(store, spec.name, judged=0)
        args = arguments(spec, head, "bench", str(bench.stack.home / spec.name), bench.settings)
        self.log = bench.stack.home / f"{spec.name}.log"
        self.process = start_driver(bench.stack, submission(spec, args, str(PROJECT), bench.settings), self.log)

    def watched(self, until: Callable[[Head], bool], marks: list[Mark] | None = None) -> Cost:
        """Wait until the head is so. Return the cost since its start. Each time that more lines have landed, append to `marks`."""
        first, newest = psutil.Process(self.process.pid).create_time(), [0]
        with self._bench.store() as store:

            def so() -> bool:
                assert self.process.poll() is None, f"the driver ended: see {self.log}"
                head = store.head(self.spec.name)
                newest[0] = sum(head.frontier.values()) if head else 0
                return head is not None and until(head)

            def look(cpu_s: float) -> None:
                if marks is not None and newest[0] > (marks[-1].lines if marks else 0):
                    marks.append(Mark(newest[0], time.time() - first, cpu_s, by_work(psutil.Process(self.process.pid))))

            return watch(psutil.Process(self.process.pid), so, look)

    def end(self) -> None:
        """Kill it, with its children."""
        with suppress(psutil.NoSuchProcess):
            parent = psutil.Process(self.process.pid)
            for each in [*parent.children(recursive=True), parent]:
                each.kill()
        self.process.wait()


@contextmanager
def driver(bench: Parts, spec: CountsSpec) -> Iterator[Driver]:
    """Run a driver from the topic's beginning."""
    one = Driver(bench, spec)
    try:
        yield one
    finally:
        one.end()


def drain(bench: Parts, spec: CountsSpec) -> Drained:
    """Run the job from the topic's beginning until its last line has landed."""
    ends = dict(source_of(bench.settings).end_offsets(spec.source.topic))
    marks: list[Mark] = []
    with driver(bench, spec) as one:
        spent = one.watched(lambda head: head.state is State.LANDED and numbers(head.end) == ends, marks)
    with bench.store() as store:
        head = store.head(spec.name)
    assert head is not None
    return Drained(spent, marks, head.batch_id + 1)


def counted(bench: Parts, job: str) -> tuple[Counter[Cell], Counter[str]]:
    """Return what Cassandra has: lines by cell, and rejected lines by reason."""
    with bench.store() as store:
        seen = snapshot(store, job, [(t.hour, t.shard) for t in store.hours(job)])
        heads = [*store.ledger(job), seen.head]
    counts: Counter[Cell] = Counter()
    for cells in seen.cells.values():
        counts.update(cells)
    rejected: Counter[str] = Counter()
    for head in {(h.by, h.batch_id): h for h in heads}.values():
        rejected.update(head.totals.rejected)
    return counts, rejected


def differences(found: tuple[Counter[Cell], Counter[str]], truth: Truth) -> list[str]:
    """Return the differences between what was counted and the generator's truth."""
    counts, rejected = found
    wrong = [f"{cell}: {n} is stored, {truth.panes[cell]} is true" for cell, n in counts.items() if n != truth.panes[cell]]
    wrong += [f"{cell}: missing" for cell in truth.panes.keys() - counts.keys()]
    return wrong + ([f"rejected: {dict(rejected)}, true is {dict(truth.rejected)}"] if rejected != truth.rejected else [])
