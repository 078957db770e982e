"""The recount over real parts: as many processes as there are cores find what one finds, in Kafka and in Cassandra."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from drill.generator import Generator, Mix
from spark_jobs.counts.cells import Delta
from spark_jobs.counts.deltas import Counted, counting_writer
from spark_jobs.protocol.head import Batch, Progress, Totals, first_head
from spark_jobs.protocol.partition import of_source
from spark_jobs.protocol.writer import Writer
from tests.parts import make_topic
from weir.counts import plan, tally
from weir.counts.proving import prove, proven, set_out
from weir.counts.recount import Result, recount
from weir.counts.rules import Rules
from weir.counts.scope import Scope
from weir.settings import Settings
from weir.sources.kafka import KafkaBroker
from weir.supervise.start.takeover import take_over

pytestmark = pytest.mark.stack
LINES, START_MS = 20_000, 1_768_435_200_000
MIX = Mix(bad_share=0.01, events_per_s=4)


@pytest.fixture
def landed(store: Any, real_kafka: Settings) -> Iterator[tuple[Any, KafkaBroker, Rules]]:
    """Lines of a generator in a topic of its own, landed in four batches as the generator says that they are."""
    job, topic = f"job_{uuid4().hex[:8]}", f"topic-{uuid4().hex[:8]}"
    make_topic(real_kafka, topic)
    broker = KafkaBroker(real_kafka.kafka)
    writer: Writer | None = None
    for part in range(4):
        start = of_source(broker.topic_id(topic), broker.end_offsets(topic))
        truth = sent(real_kafka, topic, part)
        if writer is None:
            store.create_head(first_head(job, start, 1))
            writer = counting_writer(store, job, take_over(store, job, judged=0).attempt, "i", "v1", 4, lambda: 1)
            writer.start()
        deltas = [Delta(*cell, n) for cell, n in truth.panes.items()]
        counted = Counted(deltas, Totals(truth.lines, dict(truth.levels()), dict(truth.rejected)), Progress())
        end = of_source(broker.topic_id(topic), broker.end_offsets(topic))
        assert writer.write(Batch(part, start, end), lambda _, counted=counted: counted)
    yield store, broker, Rules(job, topic)


def sent(settings: Settings, topic: str, part: int) -> Any:
    from confluent_kafka import Producer

    generator = Generator(part, START_MS + part * 3_000_000, MIX)
    producer = Producer({"bootstrap.servers": settings.kafka})
    for block in generator.blocks(LINES // 4):
        for n, (service, text) in enumerate(block):
            producer.produce(topic, text, service, partition=n % 4)
        producer.poll(0)
    assert producer.flush(60) == 0
    return generator.truth


def in_processes(monkeypatch: pytest.MonkeyPatch, *asked: Any) -> Result:
    monkeypatch.setattr(tally, "FEW", 0)
    monkeypatch.setattr(plan, "PIECE", 1500)
    return recount(*asked, workers=2)


def test_processes_find_what_one_finds(landed: tuple[Any, KafkaBroker, Rules], monkeypatch: pytest.MonkeyPatch) -> None:
    alone = recount(*landed)
    assert (alone.missing, alone.doubled, alone.checked_lines, alone.unchecked_lines) == (0, 0, LINES, 0)
    assert in_processes(monkeypatch, *landed) == alone
    hour = START_MS + 3_600_000
    scope = Scope(hours=frozenset({hour}))
    some = recount(*landed, scope)
    assert in_processes(monkeypatch, *landed, scope) == some and some.proven and some.checked_lines < LINES


def test_both_name_the_same_lines_that_differ(landed: tuple[Any, KafkaBroker, Rules], monkeypatch: pytest.MonkeyPatch) -> None:
    """The job's rules are not the recount's: lines of another time zone are all elsewhere."""
    store, broker, rules = landed
    other = replace(rules, time_zone="Asia/Kolkata")
    alone = recount(store, broker, other)
    assert alone.missing == alone.doubled > LINES / 2
    assert in_processes(monkeypatch, store, broker, other) == alone
    assert all(d.first is not None for d in alone.differences if d.missing)


def test_what_is_proven_is_kept(landed: tuple[Any, KafkaBroker, Rules]) -> None:
    store, broker, rules = landed
    goal = set_out(store, rules.job)
    assert goal is not None
    result = recount(store, broker, rules, Scope(after=goal.base.position, upto=goal.to.position))
    found = prove(store, broker, rules, goal, [result.part], 5)
    assert found is not None and found == proven(store, rules.job)
    assert (found.position, found.lines, found.checked, found.share) == ((1, 3), LINES, LINES, 1.0)
    assert set_out(store, rules.job) is None
