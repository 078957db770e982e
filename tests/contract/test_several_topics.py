"""A counting job on a real Spark and a real Kafka: it reads several topics, new topics join it while it runs or at a takeover, and it
changes its engine between attempts."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
from pyspark.sql import SparkSession

from spark_jobs.counts.counting import counting
from spark_jobs.counts.deltas import Counted, counting_writer
from spark_jobs.counts.options import CountsOptions
from spark_jobs.protocol.head import Head, State, first_head, with_sources
from spark_jobs.runtime.batches import Batches, Tools
from spark_jobs.runtime.contract import CassandraAddress, Exit, JobArguments
from spark_jobs.runtime.driver import stream
from spark_jobs.runtime.ending import explain
from tests.parts import make_topic
from weir.cluster.checkpoints import CheckpointFolders
from weir.settings import Settings
from weir.sources.kafka import KafkaBroker
from weir.supervise.judge.epoch_start import Bounds
from weir.supervise.start.checkpoint_copies import CheckpointCopies
from weir.supervise.start.takeover import take_over
from weir.testing import MemoryStore

pytestmark = pytest.mark.stack
JOB, OPTIONS = "job", CountsOptions(shards=2)
COUNTING = counting(CountsOptions)
LINE = b"[Mon Jul 13 10:00:00 2026] [error] it broke"


class World:
    """Topics that a pattern matches, and a job that counts them, attempt by attempt."""

    def __init__(self, spark: SparkSession, settings: Settings, folder: Path) -> None:
        self.spark, self.settings, self.prefix = spark, settings, f"many-{uuid4().hex[:8]}"
        self.broker, self.store = KafkaBroker(settings.kafka), MemoryStore()
        self.checkpoints = CheckpointFolders(str(folder))
        self.names: list[str] = []
        self.options: dict[str, str] = {}

    def make(self, name: str, lines: int, gone: int = 0) -> None:
        """A topic whose first lines retention has taken."""
        from confluent_kafka import Producer, TopicPartition
        from confluent_kafka.admin import AdminClient

        topic = f"{self.prefix}-{name}"
        make_topic(self.settings, topic, 2)
        self.names.append(topic)
        producer = Producer({"bootstrap.servers": self.settings.kafka})
        for _ in range(lines):
            producer.produce(topic, LINE, b"web", 0)
        assert producer.flush(30) == 0
        if gone:
            admin = AdminClient({"bootstrap.servers": self.settings.kafka})
            for future in admin.delete_records([TopicPartition(topic, 0, gone)]).values():
                future.result(30)

    def add(self, name: str, lines: int) -> None:
        from confluent_kafka import Producer

        producer = Producer({"bootstrap.servers": self.settings.kafka})
        for _ in range(lines):
            producer.produce(f"{self.prefix}-{name}", LINE, b"web", 1)
        assert producer.flush(30) == 0

    def bounds(self) -> Bounds:
        from spark_jobs.protocol.partition import of_source

        earliest, ends, names = {}, {}, {}
        for topic in self.names:
            source = self.broker.topic_id(topic)
            names[source] = topic
            earliest |= of_source(source, self.broker.earliest_offsets(topic))
            ends |= of_source(source, self.broker.end_offsets(topic))
        return Bounds(earliest, ends, names)

    def head(self) -> Head:
        head = self.store.head(JOB)
        assert head is not None
        return head

    def take_over(self, joins: bool = True) -> None:
        """As a supervisor does."""
        there, before = self.bounds(), self.head()
        take_over(
            self.store, JOB, before.attempt, join=lambda head: with_sources(head, there.joining(head), there.names) if joins else head
        )
        why = CheckpointCopies(self.checkpoints, self.store).copy(self.head(), "")
        assert why == "", why

    def arguments(self) -> JobArguments:
        there, head = self.bounds(), self.head()
        return JobArguments(
            *(JOB, head.attempt, head.epoch, "v1", self.checkpoints.location(JOB, head.epoch, head.attempt), self.settings.kafka, ""),
            cassandra=CassandraAddress(("127.0.0.1",)),
            topics={name: source for source, name in there.names.items()},
            topic_pattern=f"{self.prefix}-.*",
            starts={str(p): o for p, o in {**there.earliest, **head.frontier}.items()},
            trigger_s=0.2,
            options=self.options,
        )

    def drive(self, meanwhile: Callable[[], None] = lambda: None) -> BaseException | None:
        """Be the driver until all is counted. Returns what ended it before."""
        args = self.arguments()
        writer = counting_writer(self.store, JOB, args.attempt, f"i{args.attempt}", "v1", OPTIONS.shards, lambda: time.time_ns() // 1000)
        writer.start()
        batches: Batches[Counted] = Batches(writer, args)
        failed: list[BaseException] = []
        import threading

        def run() -> None:
            try:
                stream(args, batches, Tools(COUNTING, self.spark, args))
            except Exception as failure:  # noqa: BLE001 - it is what the test is about
                failed.append(batches.failure or failure)

        thread = threading.Thread(target=run)
        thread.start()
        deadline, told = time.monotonic() + 120, False
        while thread.is_alive():
            assert time.monotonic() < deadline
            if self.all_landed():
                if told:
                    break
                meanwhile()
                told = True
            time.sleep(0.1)
        for query in self.spark.streams.active:
            query.stop()
        thread.join(60)
        return failed[0] if failed and not self.all_landed() else None

    def all_landed(self) -> bool:
        head = self.head()
        return head.state is State.LANDED and all(head.frontier.get(p, 0) >= end for p, end in self.bounds().ends.items())

    def counted(self) -> int:
        return sum(n for touched in self.store.hours(JOB) for _, _, n in self.store.deltas(JOB, (touched.hour, touched.shard)))


def test_topics_join_a_job_that_runs(spark: SparkSession, real_kafka: Settings, tmp_path: Path) -> None:
    world = World(spark, real_kafka, tmp_path)
    world.make("a", lines=10)
    there = world.bounds()
    world.store.create_head(first_head(JOB, there.earliest, 1))
    world.take_over()

    assert world.drive(meanwhile=lambda: world.make("b", lines=7)) is None
    assert world.counted() == 17 and set(world.head().names.values()) == set(world.names), "one that is whole joins live"

    world.make("c", lines=9, gone=4)
    world.take_over(joins=False)
    refused = world.drive()
    assert refused is not None and explain(refused)[0] is Exit.LOST, explain(refused)[1]
    assert world.counted() == 17

    world.take_over()
    begins = {p: o for p, o in world.head().begins.items() if world.head().names[p.source].endswith("-c")}
    assert sorted(begins.values()) == [0, 4]
    assert world.drive() is None
    assert world.counted() == 17 + 5

    world.take_over()
    assert world.drive(meanwhile=lambda: world.make("d", lines=3)) is None
    assert world.counted() == 22 + 3, "and goes on behind it"


def test_a_job_moves_between_the_engines_in_one_epoch(spark: SparkSession, real_kafka: Settings, tmp_path: Path) -> None:
    """Each attempt continues from the checkpoint that the other engine's driver left, where a batch may be planned and not landed."""
    world = World(spark, real_kafka, tmp_path)
    world.make("a", lines=10)
    world.store.create_head(first_head(JOB, world.bounds().earliest, 1))
    for n, engine in enumerate(("spark", "native", "spark", "native"), 1):
        world.options = {"engine": engine}
        world.take_over()
        world.make(f"more{n}", lines=3)
        world.take_over()
        assert world.drive(meanwhile=lambda n=n: world.add("a", 5)) is None  # type: ignore[misc]
        assert (world.counted(), world.head().epoch) == (10 + 8 * n, 1)
