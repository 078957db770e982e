"""The driver reads single lines again by the client that Spark brings; the recount's own reader says what they are. Spark itself is
not needed for it: a JVM with the same jars is."""

from __future__ import annotations

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import pytest

from spark_jobs.runtime.contract import CassandraAddress, JobArguments
from spark_jobs.sources import kafka as source
from weir.settings import Settings
from weir.sources.kafka import KafkaBroker

from .conftest import Broker

pytestmark = pytest.mark.stack
MOST = 1024
FAR_MS = 4_000_000_000_000  # after every record here: times of producers are believed


@pytest.fixture
def kafka(real_kafka: Settings) -> Broker:
    return Broker(KafkaBroker(real_kafka.kafka), real_kafka)


def asked(kafka: Broker, jvm: Any) -> tuple[Any, JobArguments]:
    """What the driver hands to its parts: a session, of which they use the JVM, and its arguments."""
    assert kafka.settings is not None
    args = JobArguments("job", 1, 1, "v1", "", kafka.settings.kafka, kafka.topic, CassandraAddress(("127.0.0.1",)))
    return SimpleNamespace(_jvm=jvm), args


class Records:
    """Those of one topic, by partition and offset."""

    def __init__(self, records: source.Records, topic: str) -> None:
        self._records, self._topic = records, topic

    def values(self, places: Iterable[tuple[int, int]], most_bytes: int) -> dict[tuple[int, int], tuple[bytes, int]]:
        found = self._records.values([(self._topic, *place) for place in places], most_bytes, FAR_MS)
        return {place: value for (_, *place), value in found.items() for place in [tuple(place)]}  # type: ignore[misc]


@pytest.fixture
def records(kafka: Broker, jvm: Any) -> Records:
    return Records(source.Records(*asked(kafka, jvm)), kafka.topic)


def written(kafka: Broker, lines: int) -> dict[tuple[int, int], tuple[bytes, int]]:
    """Lines on both partitions, and what the recount's reader says of them."""
    for n in range(lines):
        kafka.add(n % 2, b"web", b"line %d \xff" % n)
    return there(kafka)


def there(kafka: Broker) -> dict[tuple[int, int], tuple[bytes, int]]:
    first, end = kafka.reader.earliest_offsets(kafka.topic), kafka.reader.end_offsets(kafka.topic)
    found = (r for p in end for r in kafka.reader.records(kafka.topic, p, first[p], end[p]))
    return {(r.partition, r.offset): ((r.value or b"")[:MOST], r.append_ms) for r in found}


def test_records_are_those_that_the_recount_reads(kafka: Broker, records: Records) -> None:
    all_of_them = written(kafka, 40)
    assert records.values(all_of_them, MOST) == all_of_them
    few = [(1, 17), (0, 3), (1, 2), (0, 4)]  # apart, side by side, and not in order
    assert records.values(few, MOST) == {place: all_of_them[place] for place in few}
    assert records.values([], MOST) == {}


def test_records_far_apart_are_polled_for_one_by_one(kafka: Broker, records: Records) -> None:
    all_of_them = written(kafka, 2400)
    far = [(0, 0), (0, 1199), (1, 600)]  # a poll brings 500
    assert records.values(far, MOST) == {place: all_of_them[place] for place in far}


def test_a_record_is_cut_and_one_without_a_value_is_empty(kafka: Broker, records: Records) -> None:
    kafka.add(0, b"web", b"x" * 1024 * 1024)
    kafka.add(0, b"web", None)
    found = records.values([(0, 0), (0, 1)], MOST)
    assert [found[0, n][0] for n in (0, 1)] == [b"x" * MOST, b""] and found == there(kafka)


def test_what_retention_took_is_not_there_and_never_another_line(kafka: Broker, records: Records) -> None:
    written(kafka, 20)
    kafka.forget(0, 7)
    left = there(kafka)
    assert records.values([(p, n) for p in (0, 1) for n in range(10)], MOST) == left
    assert (0, 6) not in left and (0, 7) in left and (1, 0) in left


def test_what_was_never_written_ends_the_wait(kafka: Broker, records: Records, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "PATIENCE_S", 1.0)
    all_of_them = written(kafka, 4)
    assert records.values([(0, 0), (0, 2)], MOST) == {(0, 0): all_of_them[0, 0]}


def test_a_gap_between_offsets_is_passed_over(kafka: Broker, records: Records) -> None:
    """The mark that ends a transaction takes an offset that no reader sees."""
    from confluent_kafka import Producer

    assert kafka.settings is not None
    producer = Producer({"bootstrap.servers": kafka.settings.kafka, "transactional.id": kafka.topic})
    producer.init_transactions(30)
    for n in range(3):
        producer.begin_transaction()
        producer.produce(kafka.topic, b"line %d" % n, b"web", 0)
        producer.commit_transaction(30)
    kafka.add(0, b"web", b"the last")
    assert {place: value for place, (value, _) in records.values([(0, n) for n in range(7)], MOST).items()} == {
        (0, 0): b"line 0",
        (0, 2): b"line 1",
        (0, 4): b"line 2",
        (0, 6): b"the last",
    }


def test_the_topic_is_the_one_that_the_head_keeps(kafka: Broker, jvm: Any) -> None:
    watch = source.TopicWatch(*asked(kafka, jvm))
    assert watch.ids([kafka.topic]) == {kafka.topic: kafka.reader.topic_id(kafka.topic)}
    kafka.delete()
    kafka.create()
    assert watch.ids([kafka.topic]) == {kafka.topic: kafka.reader.topic_id(kafka.topic)}
