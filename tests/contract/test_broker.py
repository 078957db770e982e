"""What every broker promises: one suite for the one in memory and for Kafka."""

from __future__ import annotations

import pytest

from spark_jobs.protocol.partition import of_source
from tests.parts import until
from weir.errors import NotRunning, TopicMissing
from weir.ports.source import Retention, Subscription, TopicSnapshot
from weir.sources.kafka import KafkaBroker
from weir.supervise.judge.epoch_start import Bounds
from weir.supervise.topics import bounds

from .conftest import Broker

MIB = 1024 * 1024


def test_offsets_and_records(broker: Broker) -> None:
    reader, topic = broker.reader, broker.topic
    assert reader.end_offsets(topic) == {0: 0, 1: 0}
    for i in range(5):
        broker.add(0, b"web" if i else None, b"line %d" % i)
    broker.add(1, b"web", b"x" * MIB)
    assert reader.end_offsets(topic) == {0: 5, 1: 1}
    assert reader.earliest_offsets(topic) == {0: 0, 1: 0}
    found = list(reader.records(topic, 0, 0, 3))
    assert [(r.offset, r.key, r.value) for r in found] == [(0, None, b"line 0"), (1, b"web", b"line 1"), (2, b"web", b"line 2")]
    assert all(r.append_ms > 0 and r.partition == 0 for r in found)
    assert [len(r.value or b"") for r in reader.records(topic, 1, 0, 1)] == [MIB]
    assert list(reader.records(topic, 0, 2, 2)) == []


def test_what_retention_took_is_gone_and_told(broker: Broker) -> None:
    for _ in range(4):
        broker.add(0, b"web", b"line")
    broker.forget(0, 3)
    assert broker.reader.earliest_offsets(broker.topic) == {0: 3, 1: 0}
    assert [r.offset for r in broker.reader.records(broker.topic, 0, 3, 4)] == [3]
    with pytest.raises(NotRunning):
        list(broker.reader.records(broker.topic, 0, 0, 4))


def test_a_topic_made_again_is_another_one(broker: Broker) -> None:
    first = broker.reader.topic_id(broker.topic)
    assert first == broker.reader.topic_id(broker.topic)
    broker.delete()
    broker.create()
    assert broker.reader.topic_id(broker.topic) != first


def test_a_topic_that_is_not_there(broker: Broker) -> None:
    reader = broker.reader
    for ask in (reader.end_offsets, reader.earliest_offsets, reader.topic_id, reader.retention):
        with pytest.raises(TopicMissing):
            ask("nothing")


def test_many_topics_at_once_are_what_each_question_by_itself_says(broker: Broker) -> None:
    broker.add(0, b"web", b"line")
    broker.add(1, b"web", b"line")
    broker.forget(1, 1)
    reader, topic = broker.reader, broker.topic
    seen = reader.topics([topic, "nothing", topic])
    there = TopicSnapshot({0: 1, 1: 1}, {0: 0, 1: 1}, reader.topic_id(topic), log_ends={0: 1, 1: 1})
    assert seen == {topic: there, "nothing": TopicSnapshot(missing=True)}
    assert reader.topics([]) == {}


def test_the_bounds_of_all_topics_that_a_pattern_matches(broker: Broker) -> None:
    broker.add(0, b"web", b"line")
    broker.add(1, b"web", b"line")
    broker.forget(1, 1)
    reader, topic, source = broker.reader, broker.topic, broker.reader.topic_id(broker.topic)
    found = bounds(reader, Subscription(pattern=f"{topic[:-1]}."))
    assert found == Bounds(of_source(source, {0: 0, 1: 1}), of_source(source, {0: 1, 1: 1}), {source: topic})
    assert bounds(reader, Subscription((topic, "nothing"))) == found, "one of several that is not there is left out"
    broker.delete()
    assert reader.topics([topic]) == {topic: TopicSnapshot(missing=True)} and topic not in reader.topic_names()
    with pytest.raises(TopicMissing):
        bounds(reader, Subscription(pattern=f"{topic[:-1]}."))


def test_all_names_without_kafkas_own(broker: Broker) -> None:
    names = broker.reader.topic_names()
    assert broker.topic in names and not [name for name in names if name.startswith("__")]


def test_a_broker_that_does_not_answer_is_unknown_in_time() -> None:
    assert KafkaBroker("127.0.0.1:1", budget_s=0.5).topics(["logs"]) == {"logs": TopicSnapshot()}


def test_a_broker_that_does_not_answer_says_so_in_time() -> None:
    absent = KafkaBroker("127.0.0.1:1", budget_s=0.5)
    times = lambda topic: absent.append_times(topic, {0: 0})  # noqa: E731
    with pytest.raises(NotRunning, match=r"refuses the connection"):
        absent.topic_names()
    for ask in (absent.end_offsets, absent.earliest_offsets, absent.topic_id, absent.retention, times):
        with pytest.raises(NotRunning, match=r"WEIR-208: Kafka at 127\.0\.0\.1:1 refuses the connection"):
            ask("logs")


def test_how_long_a_topic_keeps_its_records(broker: Broker) -> None:
    broker.keep(Retention(3_600_000, None))
    assert broker.reader.retention(broker.topic) == Retention(3_600_000, None)
    broker.keep(Retention(None, 10 * MIB))
    assert broker.reader.retention(broker.topic) == Retention(None, 10 * MIB)
    broker.keep(Retention(None, None, compacted=True, claimed_times=True))
    assert broker.reader.retention(broker.topic).compacted


def test_when_the_next_record_was_appended(broker: Broker) -> None:
    for partition in (0, 0, 0, 1):
        broker.add(partition, b"web", b"line")
    reader, topic = broker.reader, broker.topic
    times = {(p, r.offset): r.append_ms for p in (0, 1) for r in reader.records(topic, p, 0, 3 if p == 0 else 1)}
    assert reader.append_times(topic, {0: 1, 1: 0}) == {0: times[0, 1], 1: times[1, 0]}
    assert reader.append_times(topic, {0: 3, 1: 0, 7: 0}) == {1: times[1, 0]}, "nothing comes after the last one"
    broker.forget(0, 2)
    assert reader.append_times(topic, {0: 0}) == {0: times[0, 2]}, "what is gone is passed over"


def test_only_lines_of_committed_transactions_are_read(broker: Broker) -> None:
    broker.transaction(0, 3, "commit")
    broker.transaction(0, 2, "abort")
    broker.transaction(0, 1, "commit")
    reader, topic = broker.reader, broker.topic
    assert reader.end_offsets(topic)[0] == 9, "a mark that ends a transaction takes an offset"
    assert [r.offset for r in reader.records(topic, 0, 0, 9)] == [0, 1, 2, 7]
    assert [r.offset for r in reader.records(topic, 0, 4, 7)] == [], "a range may have no line at all"
    assert [r.offset for r in reader.records(topic, 0, 0, 9, committed=False)] == [0, 1, 2, 4, 5, 7], "as earlier releases read"


def test_an_open_transaction_holds_back_the_end(broker: Broker) -> None:
    broker.add(0, b"web", b"line")
    broker.transaction(0, 2, "open")
    broker.add(0, b"web", b"line")
    reader, topic = broker.reader, broker.topic
    assert (reader.end_offsets(topic)[0], reader.end_offsets(topic, committed=False)[0]) == (1, 4)
    seen = reader.topics([topic])[topic]
    assert (seen.end_offsets, seen.log_ends) == ({0: 1, 1: 0}, {0: 4, 1: 0})
    assert bounds(reader, Subscription((topic,))).log_ends == bounds(reader, Subscription(pattern=topic)).log_ends
    assert [r.offset for r in reader.records(topic, 0, 0, 1)] == [0]


def test_the_offsets_of_a_time(broker: Broker) -> None:
    for _ in range(3):
        broker.add(0, b"web", b"line")
    reader, topic = broker.reader, broker.topic
    at = next(iter(reader.records(topic, 0, 1, 2))).append_ms
    assert reader.offsets_at(topic, 0) == {0: 0, 1: 0}
    assert reader.offsets_at(topic, at)[0] <= 1
    assert reader.offsets_at(topic, at + 3_600_000) == {0: 3, 1: 0}, "what comes later begins at the end"


def test_a_follower_gets_each_committed_record_once_and_in_order(broker: Broker) -> None:
    broker.transaction(0, 3, "commit")
    broker.transaction(0, 2, "abort")
    broker.add(1, b"web", b"other")
    follower, seen = broker.reader.follow(broker.topic, {0: 1, 1: 0}), list[tuple[int, int]]()

    def awaited(most: int, *places: tuple[int, int]) -> bool:
        seen.extend((record.partition, record.offset) for record in follower.next(most, 0.1))
        return sorted(seen) == sorted(places)

    try:
        until(lambda: awaited(10, (0, 1), (0, 2), (1, 0)), "what was committed before", 30)
        broker.transaction(0, 2, "commit")
        until(lambda: awaited(1, (0, 1), (0, 2), (0, 7), (0, 8), (1, 0)), "what is committed meanwhile, one by one", 30)
        broker.transaction(0, 1, "open")
        assert follower.next(10, 1.0) == [], "what is open is not there yet"
    finally:
        follower.close()


def test_a_follower_tells_what_retention_took(broker: Broker) -> None:
    for _ in range(4):
        broker.add(0, b"web", b"line")
    broker.forget(0, 3)
    follower = broker.reader.follow(broker.topic, {0: 1})
    try:
        with pytest.raises(NotRunning):
            until(lambda: follower.next(10, 0.5), "a record, or that some are gone", 30)
    finally:
        follower.close()
