"""The two engines count the same of the same ranges of a real topic: every cell, every rejected line, every largest time."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from pyspark.sql import SparkSession

from drill.generator import Generator, Mix
from spark_jobs.counts import counting as counting_module
from spark_jobs.counts import native
from spark_jobs.counts.cells import OTHER
from spark_jobs.counts.counting import Counting
from spark_jobs.counts.deltas import Counted
from spark_jobs.counts.options import NATIVE, SPARK, CountsOptions
from spark_jobs.protocol.head import Batch, Progress
from spark_jobs.protocol.partition import Partition
from spark_jobs.runtime.contract import CassandraAddress, Exit, JobArguments
from spark_jobs.runtime.ending import explain
from spark_jobs.sources import kafka, native_jar
from tests.conftest import PROJECT
from tests.contract.conftest import Broker
from weir.jobs.folders import sound
from weir.jobs.spec import counts_of
from weir.local.spark import driver_jars
from weir.settings import Settings
from weir.sources.kafka import KafkaBroker

pytestmark = pytest.mark.stack
START_MS, BY_MS = 1_768_435_200_000, 1_800_000_000_000
NEW = Progress()
HOUR_MS = 3_600_000
LINE = b"[Thu Jan 15 00:00:00 2026] [error] %s"


@pytest.fixture
def broker(real_kafka: Settings) -> Broker:
    return Broker(KafkaBroker(real_kafka.kafka), real_kafka)


class Rig:
    """Both engines on one topic."""

    def __init__(self, spark: SparkSession, broker: Broker, options: CountsOptions) -> None:
        assert broker.settings is not None
        self.spark, self.broker, self.options = spark, broker, options
        self.args = JobArguments("job", 1, 1, "v1", "", broker.settings.kafka, broker.topic, CassandraAddress(("host",)))

    def both(self, batch: Batch, before: Progress = NEW) -> Counted:
        """What both engines count."""
        one, other = self.count(NATIVE, batch, before), self.count(SPARK, batch, before)
        assert one == other
        return one

    def count(self, engine: str, batch: Batch, before: Progress = NEW) -> Counted:
        evaluate = Counting(self.args, replace(self.options, engine=engine), kafka.Records(self.spark, self.args).values)
        assert (evaluate._native is not None) is (engine == NATIVE), "no silent change of engines"
        return evaluate(lambda: self.rows(batch), batch, before)

    def rows(self, batch: Batch) -> Any:
        """The lines of the ranges as Spark's source reads them."""
        starts, ends = ({self.broker.topic: {str(p.number): at for p, at in side.items()}} for side in (batch.start, batch.end))
        reader = kafka.connector(self.spark.read, self.args).option("subscribe", self.broker.topic)
        return reader.option("startingOffsets", json.dumps(starts)).option("endingOffsets", json.dumps(ends)).load()

    def batch(self, start: Mapping[int, int] | None = None) -> Batch:
        """All that there is from `start` on."""
        ends = self.broker.reader.end_offsets(self.broker.topic)
        begin = {Partition("", p): (start or {}).get(p, 0) for p in ends}
        return Batch(3, begin, {Partition("", p): end for p, end in ends.items()}, {}, BY_MS)


@pytest.fixture
def rig(spark: SparkSession, broker: Broker) -> Iterator[Rig]:
    yield Rig(spark, broker, CountsOptions(rejected_samples=20, signature_cap=4))


def fill(broker: Broker, records: Any) -> None:
    """Records: partition, key, line, and the time that the producer claims (ms)."""
    from confluent_kafka import Producer

    assert broker.settings is not None
    producer = Producer({"bootstrap.servers": broker.settings.kafka})
    for partition, key, line, at in records:
        producer.produce(broker.topic, line, key, partition, timestamp=at)
        producer.poll(0 if len(producer) < 50_000 else 0.1)
    assert producer.flush(60) == 0


@pytest.mark.parametrize("few", [native.FEW, 100])
def test_they_count_the_same(rig: Rig, monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    """In one task, and in a task for each partition."""
    monkeypatch.setattr(native, "FEW", few)
    lines = [pair for block in Generator(11, START_MS, Mix(bad_share=0.1, events_per_s=50)).blocks(3000) for pair in block]
    fill(rig.broker, ((n % 2, key, line, START_MS) for n, (key, line) in enumerate(lines)))
    fill(rig.broker, [(0, None, b"\tat x.Y(Z.java)", START_MS), (0, b"", b"#0 x", START_MS), (1, b"\xff", LINE % b"of no text", START_MS)])
    fill(rig.broker, [(1, b"web", None, START_MS), (1, b"web", b"x" * 70_000, START_MS)])
    counted = rig.both(rig.batch())
    assert counted.totals.lines == 3005 and counted.rejected and counted.totals.rejected["continuation"] > 2
    assert rig.both(rig.batch({0: 700, 1: 701})).totals.lines == 3005 - 1401, "from the middle, with what was read ahead dropped"


def test_tasks_in_executors_of_their_own_count_the_same(rig: Rig) -> None:
    lines = [pair for block in Generator(12, START_MS, Mix(bad_share=0.1, events_per_s=50)).blocks(3000) for pair in block]
    fill(rig.broker, ((n % 2, key, line, START_MS) for n, (key, line) in enumerate(lines)))
    conf = {"spark.executor.memory": "512m", "spark.executorEnv.SPARK_LOCAL_IP": "127.0.0.1"}
    cells, executors = counted_by(rig, "local-cluster[2,1,512]", conf, few=100)
    rig.options = CountsOptions()
    there = [[d.service, d.pane_start, d.level, d.signature, d.n] for d in rig.count(SPARK, rig.batch()).deltas]
    assert cells == sorted(there) and len(set(executors) - {"driver"}) == 2


def test_a_full_batch_of_distinct_signatures_fits_the_memory_of_its_driver(rig: Rig) -> None:
    spec = counts_of(sound(PROJECT / "spark_jobs")["error_counts"])
    lines = spec.limits.lines_per_batch
    fill(rig.broker, ((n % 2, b"web", LINE % b"no folder of %s was found" % letters(n), START_MS) for n in range(lines)))
    conf = {"spark.driver.memory": spec.resources.driver_memory, **spec.spark_conf}
    cells, _ = counted_by(rig, f"local[{spec.resources.cores}]", conf, native.FEW)
    kept = CountsOptions().signature_cap
    assert len(cells) == kept + 1 and sum(n for *_, n in cells) == lines and [lines - kept] == [n for *_, s, n in cells if s == OTHER]


def letters(n: int) -> bytes:
    """Return a word for each number, without a digit: those are masked."""
    return bytes(ord("a") + n // 26**place % 26 for place in range(5))


def counted_by(rig: Rig, master: str, conf: Mapping[str, str], few: int) -> tuple[list[list[Any]], list[str]]:
    """Return the cells that a driver of its own counts on the topic, and the executors that worked."""
    settings, jars = rig.broker.settings, ":".join(map(str, driver_jars()))
    assert settings is not None
    asked = {
        "master": master, "conf": {**conf, "spark.driver.extraClassPath": jars, "spark.executor.extraClassPath": jars}, "few": few,
        "kafka": settings.kafka, "topic": rig.broker.topic, "ends": {p.number: end for p, end in rig.batch().end.items()}, "by": BY_MS,
    }  # fmt: skip
    command = [sys.executable, "-m", "tests.contract.own_driver"]
    done = subprocess.run(command, input=json.dumps(asked), capture_output=True, text=True, timeout=300, cwd=PROJECT)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    return found["cells"], found["executors"]


def test_they_do_not_believe_what_a_producer_says_of_the_time(rig: Rig) -> None:
    assert rig.broker.settings is not None
    rig.broker.keep(replace(rig.broker.reader.retention(rig.broker.topic), claimed_times=True))
    now = round(time.time() * 1000)
    fill(rig.broker, [(n % 2, b"web", LINE % b"x", at) for n, at in enumerate((now - HOUR_MS, now - HOUR_MS, now, now - HOUR_MS))])
    counted = rig.both(replace(rig.batch(), arrived_by=now - HOUR_MS + 3))
    assert set(counted.progress.append_times.values()) == {now - HOUR_MS + 3, now - HOUR_MS}


def test_they_pass_over_what_a_transaction_left_behind(rig: Rig) -> None:
    for end in ("commit", "abort", "commit"):
        rig.broker.transaction(0, 5, end)  # type: ignore[arg-type]
    rig.broker.add(1, b"web", LINE % b"x")
    rig.broker.transaction(1, 3, "abort")
    counted = rig.both(rig.batch())
    assert counted.totals.lines == 11, "the range ends in a hole, which nothing comes from"


def test_a_range_without_a_line_is_asked_for(rig: Rig) -> None:
    assert rig.both(rig.batch()).totals.lines == 0
    rig.broker.transaction(0, 4, "abort")
    assert rig.both(rig.batch()).totals.lines == 0


def test_an_empty_range_takes_nothing_from_what_was_read_ahead(rig: Rig) -> None:
    fill(rig.broker, ((0, b"web", LINE % b"x", START_MS) for _ in range(20_000)))
    batch = rig.batch()
    for start, end in ((0, 100), (100, 100), (100, 20_000)):
        part = replace(batch, start={Partition("", 0): start, Partition("", 1): 0}, end={Partition("", 0): end, Partition("", 1): 0})
        assert rig.count(NATIVE, part).totals.lines == end - start


def test_a_broker_that_does_not_answer_is_no_empty_range(rig: Rig) -> None:
    assert rig.both(rig.batch()).totals.lines == 0
    nowhere = native.NativeEngine(rig.options, {**kafka.READING, "bootstrap.servers": "127.0.0.1:1", "default.api.timeout.ms": "2000"})
    with pytest.raises(Exception, match="TimeoutException") as failed:
        nowhere(rig.batch(), {"": rig.broker.topic})
    assert explain(failed.value)[0] is Exit.LOST


def test_services_of_one_name_share_a_cap(rig: Rig) -> None:
    rig.options = replace(rig.options, signature_cap=1)
    keys = [(None, b"alpha"), (b"", b"alpha"), (b"unknown", b"beta"), (b"\xff", b"gamma"), (b"\xfe", b"gamma"), (b"\xfe", b"delta")]
    fill(rig.broker, [(0, key, LINE % text, START_MS) for key, text in keys])
    counted = rig.both(rig.batch())
    assert {(d.service, d.signature) for d in counted.deltas} == {
        ("unknown", "alpha"), ("unknown", OTHER), ("\ufffd", "gamma"), ("\ufffd", OTHER)
    }  # fmt: skip


def test_lines_that_were_deleted_end_the_batch(rig: Rig) -> None:
    for n in range(10):
        rig.broker.add(0, b"web", LINE % str(n).encode())
    batch = rig.batch()
    rig.broker.forget(0, 4)
    ends = []
    for engine in (NATIVE, SPARK):
        with pytest.raises(Exception, match=r"OffsetOutOfRange|data loss|STARTING_OFFSET|earliest") as failed:
            rig.count(engine, batch)
        ends.append(explain(failed.value)[0])
    assert ends[0] == ends[1]


def test_they_keep_the_same_signatures_of_a_flood(rig: Rig) -> None:
    """Beyond the cap: frequent ones, floods that vary at their beginning or their end, and equals that only their bytes tell apart."""
    rng = random.Random(5)
    words = ["alpha", "beta", "gamma", "delta", "\u00e9psilon", "zeta", "\U0001f600", "eta"]
    floods = [f"failed for {rng.choice(words)}x{word}" for word in words for _ in range(3)]
    floods += [f"{a}{b} gave up" for a in words for b in words] + ["rare one", "rare two"] * 2 + ["often"] * 30 + ["*", "7 8", ""]
    for cap in (1, 2, 3, 7, 20, 60, 1000):
        rig.options = replace(rig.options, signature_cap=cap)
        if cap == 1:
            fill(rig.broker, [(rng.randrange(2), rng.choice((b"web", b"shop")), LINE % text.encode(), START_MS) for text in floods])
        counted = rig.both(rig.batch())
        kept = {delta.signature for delta in counted.deltas if delta.service == "web"} - {"", OTHER}
        assert len(kept) <= cap and (cap > 20 or OTHER in {delta.signature for delta in counted.deltas})


def test_without_the_jar_it_is_said_and_spark_counts(rig: Rig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(native_jar, "is_there", lambda jvm: False)
    evaluate = Counting(rig.args, rig.options, lambda *_: {})
    assert evaluate._native is None and "Spark's functions" in caplog.text


def test_a_jar_of_another_release_is_not_used(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native_jar, "digest", lambda: "another")
    assert "another release" in native.missing()
    assert counting_module._native(rig.args, rig.options) is None
