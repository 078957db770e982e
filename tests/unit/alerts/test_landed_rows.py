"""Each row that a landed job writes to its topic becomes a message once, whatever a pass dies of."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace

import pytest

from tests.unit.alerts.bench import Recorder
from tests.unit.counts.job import START
from weir.alerts import landed_rows
from weir.alerts.book import Book
from weir.alerts.deliver import deliver
from weir.alerts.evaluate import Passed, evaluate
from weir.alerts.keep import open_book
from weir.alerts.rules import JobRules, parse
from weir.errors import BadSetting, NotRunning
from weir.ports.reports import Kept
from weir.ports.timeline import Pause
from weir.supervise.judge.report import Report, Verdict
from weir.testing import MemoryBroker, MemoryStore

JOB, TOPIC = "fraud", "fraud-alerts"
RULES = "job: fraud\nrows: [{name: fraud, where: {kind: alert}, text: sentence, severity: critical}]"


class Bench:
    def __init__(self, rules: str = RULES) -> None:
        self.store, self.broker, self.sink, self.now = MemoryStore(), MemoryBroker(), Recorder(), START
        self.broker.create(TOPIC, 2)
        self.rules: JobRules = parse(rules, "fraud.yaml")

    def row(self, n: int, partition: int = 0, kind: str = "alert") -> None:
        value = {"kind": kind, "sentence": f"episode {n}"}
        self.broker.add(TOPIC, partition, b"c1", json.dumps(value).encode(), START)

    def pass_once(self) -> Passed:
        return evaluate(self.store, self.broker, None, self.rules, self.now, TOPIC)

    def tick(self) -> None:
        while self.pass_once().more:
            pass
        deliver(self.store, JOB, lambda name: self.sink, lambda: self.now / 1000)

    @property
    def titles(self) -> list[str]:
        return [message.title for message in self.sink.got]

    @property
    def book(self) -> Book:
        return open_book(self.store, JOB)[1]


def followed(rules: str = RULES) -> Bench:
    bench = Bench(rules)
    bench.tick()
    return bench


def test_a_row_is_a_message_with_all_that_it_says() -> None:
    bench = followed()
    bench.row(1)
    bench.row(2, 1)
    bench.tick()
    bench.tick()
    assert bench.titles == ["[critical] fraud: episode 1", "[critical] fraud: episode 2"]
    assert bench.sink.got[0].text == 'offset 0 of partition 0: {"kind": "alert", "sentence": "episode 1"}'
    assert len({message.incident for message in bench.sink.got}) == 2 and not bench.book.incidents


def test_rows_from_before_the_rule_and_of_another_kind_are_not_sent() -> None:
    bench = Bench()
    bench.row(1)
    bench.tick()
    bench.row(2, kind="late")
    bench.tick()
    assert bench.titles == []


@pytest.mark.parametrize("value", [b"no JSON", b"[1]", b"\xff"])
def test_a_row_that_cannot_be_read_is_sent_as_it_is(value: bytes) -> None:
    bench = followed()
    bench.broker.add(TOPIC, 0, b"c1", value, START)
    bench.tick()
    assert bench.titles == [f"[critical] fraud: {value.decode(errors='replace')}"]


def test_a_row_that_is_nested_too_deeply_is_sent_as_it_is() -> None:
    """Python's reader gives up with an error that is no ValueError: it ended the pass of all jobs."""
    bench = followed()
    bench.broker.add(TOPIC, 0, b"c1", b'{"a":' * 2000, START)
    bench.tick()
    assert len(bench.titles) == 1 and bench.titles[0].startswith('[critical] fraud: {"a":{"a":')


def test_a_storm_is_read_in_parts_and_all_of_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landed_rows, "MOST", 3)
    bench = followed()
    for n in range(10):
        bench.row(n, n % 2)
    bench.tick()
    assert sorted(bench.titles) == [f"[critical] fraud: episode {n}" for n in range(10)]


def test_rows_of_a_pause_are_sent_after_it() -> None:
    bench = followed()
    bench.store.put_pause(JOB, Pause("maintenance", "ana", "a test", START, START + 1000))
    bench.row(1)
    bench.tick()
    assert bench.titles == []
    bench.now += 2000
    bench.tick()
    assert bench.titles == ["[critical] fraud: episode 1"]


def test_a_pause_at_the_first_pass_holds_rows_back_and_loses_none() -> None:
    bench = Bench()
    bench.store.put_pause(JOB, Pause("maintenance", "ana", "a test", START, START + 1000))
    bench.tick()
    bench.row(1)
    bench.now += 2000
    bench.tick()
    assert bench.titles == ["[critical] fraud: episode 1"]


def test_rows_that_the_broker_deleted_are_told_by_their_number() -> None:
    bench = followed()
    for n in range(3):
        bench.row(n)
    bench.broker.forget(TOPIC, 0, 2)
    bench.tick()
    assert bench.titles == ["[critical] fraud: 2 offsets were deleted before their rows were sent", "[critical] fraud: episode 2"]


def test_a_topic_that_was_made_again_is_read_from_its_beginning() -> None:
    bench = followed()
    bench.row(1)
    bench.tick()
    bench.broker.delete(TOPIC)
    bench.broker.create(TOPIC, 2)
    bench.row(2)
    bench.tick()
    assert bench.titles[1:] == ["[critical] fraud: episode 2"]


def test_a_topic_that_cannot_be_read_fails_the_pass_and_loses_nothing() -> None:
    bench = followed()
    bench.row(1)
    bench.broker.answers = False
    with pytest.raises(NotRunning):
        bench.pass_once()
    bench.broker.answers = True
    bench.tick()
    assert bench.titles == ["[critical] fraud: episode 1"]


def test_a_setting_of_kafka_that_is_wrong_does_not_keep_the_health_from_being_judged() -> None:
    bench = followed()
    bench.broker.topic_id = lambda topic: (_ for _ in ()).throw(BadSetting("WEIR_KAFKA_CA_FILE is not there."))  # type: ignore[method-assign]
    bench.store.keep_reports([Kept(JOB, Report(JOB, Verdict.DOWN, 1, START, "down since noon", at=START).to_json())])
    with pytest.raises(BadSetting):
        bench.pass_once()
    assert [one.cause for one in bench.book.incidents] == ["stream"]


def test_an_idle_partition_costs_no_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each read connects a consumer of its own."""
    bench, read = followed(), list[int]()
    records = bench.broker.records
    monkeypatch.setattr(bench.broker, "records", lambda topic, partition, *at: read.append(partition) or records(topic, partition, *at))
    bench.row(1, 1)
    bench.tick()
    assert read == [1]


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("after", [False, True])
def test_a_pass_that_dies_at_its_write_sends_each_row_once(after: bool) -> None:
    bench = followed()
    bench.row(1)
    write = bench.store.set_book

    def dying(*args):  # type: ignore[no-untyped-def]
        if after:
            write(*args)
        raise Killed

    bench.store.set_book = dying  # type: ignore[method-assign]
    with suppress(Killed):
        bench.pass_once()
    bench.store.set_book = write  # type: ignore[method-assign]
    bench.tick()
    assert bench.titles == ["[critical] fraud: episode 1"]


def test_without_rules_about_rows_no_topic_is_read() -> None:
    bench = followed("job: fraud")
    bench.broker.answers = False
    bench.tick()
    assert bench.book.rows is None


def test_a_book_with_a_position_is_read_back() -> None:
    bench = followed()
    bench.row(1, 1)
    bench.tick()
    book = bench.book
    assert book.rows and book.rows.offsets == {0: 0, 1: 1}
    assert Book.from_json(replace(book, at=5).to_json()).rows == book.rows
