"""Measure how fast, and with how much CPU, a filled topic drains into Cassandra, compared with a consumer that only reads it.

    python bench/drain.py [--lines 10000000] [--engines native,spark] [--json FILE] [--home DIR]

Starts its own Kafka and Cassandra, fills a topic with generated lines, reads it once with a plain consumer (the floor), and then runs the
job with each engine as a cluster would, with the tasks inside the driver and with the class archive: the same SparkSubmit with the
arguments of its spec. CPU is that of the driver with all its children, from their first instruction to the landing of the last line,
without brokers and producer. If the counts in Cassandra differ from the generator's truth, the figure does not count, and the exit code
is 1.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "plugins")]

from confluent_kafka import Consumer, Producer, TopicPartition  # noqa: E402

from drill.generator import Generator, Mix, Truth  # noqa: E402
from spark_jobs.protocol.head import Head, State, first_head  # noqa: E402
from spark_jobs.protocol.partition import numbers, of_source  # noqa: E402
from tests.parts import make_topic, running, start_driver  # noqa: E402
from weir.addresses import address  # noqa: E402  # noqa: E402
from weir.cassandra.migrate import migrate  # noqa: E402
from weir.cassandra.store import CassandraStore  # noqa: E402
from weir.counts.arguments import arguments  # noqa: E402
from weir.counts.read import snapshot  # noqa: E402
from weir.counts.rehearsal import rehearsal  # noqa: E402
from weir.factory import source_of  # noqa: E402
from weir.jobs.folders import sound  # noqa: E402
from weir.jobs.spec import JobSpec  # noqa: E402
from weir.local import class_archive, ports, rehearse, secrets  # noqa: E402
from weir.local.part import Stack  # noqa: E402
from weir.local.spark import driver_env, driver_jars, spark_home  # noqa: E402
from weir.ports.counts import Cell  # noqa: E402
from weir.settings import Settings  # noqa: E402
from weir.supervise.start.submission import submission  # noqa: E402
from weir.supervise.start.takeover import take_over  # noqa: E402

JOB = "error_counts"
START_MS = 1_768_435_200_000  # 15 January 2026
MIX = Mix(services=("web", "shop", "api", "pay", "auth"), events_per_s=20_000)


@dataclass(frozen=True)
class Cost:
    """The cost of a run: wall clock and CPU in seconds, and the largest resident memory in MiB."""

    lines: int
    wall_s: float
    cpu_s: float
    memory_mib: float

    @property
    def lines_per_s(self) -> float:
        return self.lines / self.wall_s

    @property
    def cpu_s_per_million(self) -> float:
        return self.cpu_s / self.lines * 1e6

    def as_dict(self) -> dict[str, float]:
        rates = {"lines_per_s": self.lines_per_s, "cpu_s_per_million": self.cpu_s_per_million}
        return {k: round(v, 3) for k, v in {**asdict(self), **rates}.items()}


def fill(settings: Settings, topic: str, lines: int) -> Truth:
    """Fill the topic with the same number of lines in each partition."""
    make_topic(settings, topic)
    generator = Generator(1, START_MS, MIX)
    producer = Producer({
        "bootstrap.servers": settings.kafka, "linger.ms": 50, "batch.num.messages": 100_000, "batch.size": 1_000_000,
        "queue.buffering.max.messages": 1_000_000, "acks": "all", "enable.idempotence": True,
    })  # fmt: skip
    for block in generator.blocks(lines):
        for n, (service, line) in enumerate(block):
            while True:
                try:
                    producer.produce(topic, line, service, partition=n % 4)
                    break
                except BufferError:
                    producer.poll(0.1)
        producer.poll(0)
    assert producer.flush(120) == 0
    return generator.truth


def only_read(kafka: str, topic: str, lines: int) -> None:
    """Measure the floor: fetch every record and do nothing with it."""
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": "floor", "enable.auto.commit": False, "fetch.max.bytes": 64 << 20})
    consumer.assign([TopicPartition(topic, p, 0) for p in range(4)])
    while lines > 0:
        lines -= len(consumer.consume(20_000, 1.0))
    consumer.close()


def floor(settings: Settings, topic: str, lines: int) -> Cost:
    command = [sys.executable, __file__, "--only-read", settings.kafka, topic, str(lines)]
    began = time.monotonic()
    child = psutil.Popen(command)
    cpu, memory = watch(child, lambda: child.poll() is not None)
    return Cost(lines, time.monotonic() - began, cpu, memory)


def watch(process: psutil.Popen, done: Callable[[], bool]) -> tuple[float, float]:
    """Wait for `done()`. Return the CPU seconds of the process and its children by then, and their largest memory in MiB."""
    cpu = memory = 0.0
    while True:
        ended = done()
        seconds, bytes_ = used(process)
        cpu, memory = max(cpu, seconds), max(memory, bytes_ / 2**20)
        if ended:
            return cpu, memory
        time.sleep(0.1)


def used(process: psutil.Process) -> tuple[float, int]:
    """Return CPU seconds and resident bytes now, including children, also ended ones."""
    seconds, resident = 0.0, 0
    try:
        family = [process, *process.children(recursive=True)]
    except psutil.Error:
        return 0.0, 0
    for each in family:
        try:
            times = each.cpu_times()
            seconds += times.user + times.system + times.children_user + times.children_system
            resident += each.memory_info().rss
        except psutil.Error:
            continue
    return seconds, resident


def drain(settings: Settings, stack: Stack, spec: JobSpec, topic: str, lines: int) -> tuple[Cost, Head]:
    """Run the job from the topic's beginning until its last line has landed."""
    store = CassandraStore.connect(address(settings), patience_s=30)
    broker = source_of(settings)
    ends = dict(broker.end_offsets(topic))
    store.create_head(first_head(spec.name, of_source(broker.topic_id(topic), broker.earliest_offsets(topic)), 1))
    head = take_over(store, spec.name, judged=0)
    spec = spec.model_copy(update={"source": spec.source.model_copy(update={"topic": topic})})
    args = arguments(spec, head, "bench", str(stack.home / spec.name), settings)
    log, began = stack.home / f"{spec.name}.log", time.monotonic()
    driver = start_driver(stack, submission(spec, args, str(PROJECT), settings), log)
    child = psutil.Process(driver.pid)

    def landed() -> bool:
        head = store.head(spec.name)
        assert driver.poll() is None, f"the driver ended: see {log}"
        return head is not None and head.state is State.LANDED and numbers(head.end) == ends

    try:
        cpu, memory = watch(child, landed)
        cost = Cost(lines, time.monotonic() - began, cpu, memory)
    finally:
        for each in [*child.children(recursive=True), child]:
            each.kill()
        driver.wait()
    final = store.head(spec.name)
    assert final is not None
    store.session.close()
    return cost, final


def archive_classes(settings: Settings, stack: Stack) -> None:
    """Archive the classes of drivers, as a stack does after its first start."""
    if not class_archive.archive(spark_home()).exists():
        rehearse.make(stack, spark_home(), rehearsal(settings, JOB, source_of(settings)), driver_env(stack))


def differences(settings: Settings, job: str, truth: Truth) -> list[str]:
    """Return the differences between Cassandra and the generator's truth."""
    store = CassandraStore.connect(address(settings), patience_s=30)
    seen = snapshot(store, job, [(t.hour, t.shard) for t in store.hours(job)])
    counts: Counter[Cell] = Counter()
    for cells in seen.cells.values():
        counts.update(cells)
    heads = [*store.ledger(job), seen.head]
    rejected: Counter[str] = Counter()
    for head in {(h.by, h.batch_id): h for h in heads}.values():
        rejected.update(head.totals.rejected)
    store.session.close()
    wrong = [f"{cell}: {n} is stored, {truth.panes[cell]} is true" for cell, n in counts.items() if n != truth.panes[cell]]
    wrong += [f"{cell}: missing" for cell in truth.panes.keys() - counts.keys()]
    return wrong + ([f"rejected: {dict(rejected)}, true is {dict(truth.rejected)}"] if rejected != truth.rejected else [])


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--lines", type=int, default=10_000_000)
    options.add_argument("--engines", default="native,spark", help="engines in the order in which they run; one may stand several times")
    options.add_argument("--batch", type=int, help="limits.lines_per_batch instead of that of the spec")
    options.add_argument("--json", type=Path, help="also write the figures to this file")
    options.add_argument("--home", type=Path, help="keep everything in this folder, such as the logs")
    options.add_argument("--only-read", nargs=3, help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.only_read:
        only_read(chosen.only_read[0], chosen.only_read[1], int(chosen.only_read[2]))
        return 0
    with tempfile.TemporaryDirectory(prefix="weir-drain-") as temporary:
        return run(chosen.lines, chosen.engines.split(","), chosen.batch, chosen.home or Path(temporary), chosen.json)


def run(lines: int, engines: Sequence[str], batch: int | None, home: Path, report: Path | None) -> int:
    home.mkdir(parents=True, exist_ok=True)
    stack = Stack(home, ports.WANTED, secrets.load_or_create(home))
    driver_jars()
    wrong: list[str] = []
    with running(home, "kafka", "cassandra") as settings:
        migrate(settings)
        print(f"filling a topic with {lines:,} lines", flush=True)
        truth = fill(settings, "drain", lines)
        make_topic(settings, "logs")
        archive_classes(settings, stack)
        least = floor(settings, "drain", lines)
        show("plain consumer", least)
        figures: dict[str, Any] = {"floor": least.as_dict(), "runs": []}
        for n, engine in enumerate(engines):
            spec = counting(engine, batch, n)
            cost, head = drain(settings, stack, spec, "drain", lines)
            differ = differences(settings, spec.name, truth)
            show(engine, cost)
            ratio = cost.cpu_s / least.cpu_s
            print(
                f"{ratio:.1f} times the CPU of reading alone; {head.batch_id + 1} batches; {len(truth.panes):,} cells, {len(differ)} differ"
            )
            figures["runs"].append({"engine": engine, **cost.as_dict(), "ratio": round(ratio, 2), "exact": not differ})
            wrong += differ
    for each in wrong[:10]:
        print("  ", each)
    if report:
        report.write_text(json.dumps(figures, indent=2) + "\n")
    return 1 if wrong else 0


def counting(engine: str, batch: int | None, n: int) -> JobSpec:
    """Return the spec of a run: error_counts under a name of its own."""
    spec = sound(PROJECT / "spark_jobs")[JOB]
    limits = spec.limits.model_copy(update={"lines_per_batch": batch} if batch else {})  # type: ignore[attr-defined]
    options = {**spec.options, "engine": engine}  # type: ignore[attr-defined]
    return spec.model_copy(update={"name": f"{engine}_{n}", "options": options, "limits": limits})


def show(name: str, cost: Cost) -> None:
    print(
        f"{name:>15}: {cost.lines_per_s:>10,.0f} lines/s {cost.cpu_s_per_million:>6.2f} CPU-s per million lines, "
        f"{cost.wall_s:.1f} s, {cost.memory_mib:,.0f} MiB",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
