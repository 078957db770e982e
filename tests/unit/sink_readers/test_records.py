"""Where a subscriber begins, and how it continues, over a broker in memory."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.jobs.test_landed_spec import spec
from weir.errors import BadInput
from weir.ports.source import Record
from weir.sink_readers.records import EARLIEST, NOW, Lost, beginning, told
from weir.testing import MemoryBroker

JOB = spec(sink={"kind": "kafka", "topic": "out"})


@pytest.fixture
def broker() -> MemoryBroker:
    found = MemoryBroker()
    found.create("out", 2)
    for n in range(4):
        found.add("out", n % 2, b"k", b"%d" % n, 1)
    return found


def values(broker: MemoryBroker, after: str, start: str = NOW) -> list[bytes | None]:
    return [record.value for record in beginning(broker, JOB, after, start).follow().next(100, 0.0)]


def test_it_begins_at_the_end_or_at_the_first_record(broker: MemoryBroker) -> None:
    assert values(broker, "") == [] and values(broker, "", EARLIEST) == [b"0", b"2", b"1", b"3"]


def test_a_record_of_an_open_transaction_is_not_passed_by_one_who_begins_now(broker: MemoryBroker) -> None:
    broker.add("out", 0, b"k", b"open", 1)
    broker.hold("out", 0, 1)
    begin = beginning(broker, JOB, "", NOW)
    broker.mark("out", 0, 1, commit=True)
    assert [record.value for record in begin.follow().next(100, 0.0)] == [b"open"]


def test_it_continues_behind_each_record(broker: MemoryBroker) -> None:
    begin = beginning(broker, JOB, "", EARLIEST)
    place, rest = begin.place, [b"0", b"2", b"1", b"3"]
    for record in begin.follow().next(100, 0.0):
        rest.remove(record.value)
        place = place.behind(record)
        assert values(broker, str(place)) == rest, "also with start=now: Last-Event-ID counts"


def test_a_partition_that_was_added_is_read_from_its_beginning(broker: MemoryBroker) -> None:
    place = beginning(broker, JOB, "", NOW).place
    broker.grow("out", 3)
    broker.add("out", 2, b"k", b"new", 1)
    assert values(broker, str(place)) == [b"new"]


def test_what_the_broker_deleted_is_told(broker: MemoryBroker) -> None:
    place = beginning(broker, JOB, "", EARLIEST).place
    broker.forget("out", 1, 1)
    begin = beginning(broker, JOB, str(place), NOW)
    assert begin.lost == [Lost(1, 0, 1)] and values(broker, str(place)) == [b"0", b"2", b"3"]


@pytest.mark.parametrize(
    "place", ["x", "topic-2:0,0", "topic-1:", "topic-1:9,0", "topic-1:0,0,0", "topic-1:0,,1", "topic-1:-1,0", "topic-1:٣,0"]
)
def test_a_place_of_something_else_is_refused(broker: MemoryBroker, place: str) -> None:
    with pytest.raises(BadInput, match="Last-Event-ID"):
        beginning(broker, JOB, place, NOW)


def test_a_job_with_another_sink_has_no_records(broker: MemoryBroker) -> None:
    with pytest.raises(BadInput, match="cards has no records in Kafka"):
        beginning(broker, spec(), "", NOW)


@pytest.mark.parametrize(("value", "shown"), [(b"{}", {"value": "{}"}), (None, {"value": None}), (b"\xff", {"value_hex": "ff"})])
def test_bytes_that_are_no_text_are_told_as_such(value: bytes | None, shown: dict[str, Any]) -> None:
    found = told(Record(1, 7, b"k", value, 1_800_000_000_000))
    assert found == {"key": "k", **shown, "partition": 1, "offset": 7, "appended_at": "2027-01-15T08:00:00Z"}
