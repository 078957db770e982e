"""Patterns in events, in a stream: known episodes, and those of brute force for any order, lateness and cut into batches."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from spark_jobs.patterns.options import Options
from spark_jobs.patterns.pipeline import pipeline
from tests.catalogue import CATALOGUE, episodes
from tests.catalogue.episodes import CITIES, MINUTE, WITHDRAWALS, Event, Rule
from weir.jobs.folders import sound

NOW = 1_767_225_600_000  # 2026-01-01
COLUMNS = "value BINARY, timestamp TIMESTAMP, partition INT, offset LONG"
ROCKSDB = "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider"
FRAUD = Options(what="withdrawals", key=("card", "machine"), only={"kind": ("withdrawal",)})
TWO_CITIES = Options(what="transactions", key=("card",), different="city", more_than=1, within_s=1800)
Rows = Sequence[dict[str, Any]]


@pytest.fixture(scope="module", autouse=True)
def rocksdb(spark: SparkSession) -> Iterator[None]:
    spark.conf.set("spark.sql.streaming.stateStore.providerClass", ROCKSDB)
    yield
    spark.conf.unset("spark.sql.streaming.stateStore.providerClass")


class Stream:
    """A topic of one partition as a folder of files, one a batch, and what the pipeline makes of it."""

    def __init__(self, spark: SparkSession, home: Path) -> None:
        self.spark, self.home, self.sent = spark, home, 0
        self.step = 1  # ms from the time of a record to that of the next

    def found(self, batches: Iterable[Sequence[Event | bytes]], options: Options) -> Rows:
        """Return the rows of a stream that reads these batches one after another."""
        topic, out = self.home / "topic", self.home / "out"
        for batch in batches:
            rows = [self._record(one) for one in batch]
            made = self.spark.createDataFrame(rows, "value BINARY, ms LONG, partition INT, offset LONG")
            shaped = made.selectExpr("value", "timestamp_millis(ms) AS timestamp", "partition", "offset")
            shaped.coalesce(1).write.mode("append").parquet(topic.as_uri())
            read = self.spark.readStream.schema(COLUMNS).parquet(topic.as_uri())
            query = pipeline({"events": read}, options).writeStream.format("json").option("path", out.as_uri())
            query = query.option("checkpointLocation", (self.home / "checkpoint").as_uri()).trigger(availableNow=True).start()
            query.awaitTermination()
        return [json.loads(row.value) for row in self.spark.read.json(out.as_uri()).collect()] if list(out.glob("*.json")) else []

    def _record(self, one: Event | bytes) -> tuple[bytes, int, int, int]:
        self.sent += 1
        value = one if isinstance(one, bytes) else json.dumps(one.as_json()).encode()
        return value, NOW + 24 * 60 * MINUTE + self.step * self.sent, 0, self.sent


@pytest.fixture
def stream(spark: SparkSession, tmp_path: Path) -> Stream:
    return Stream(spark, tmp_path)


def at(minutes: float, id: str, **other: Any) -> Event:
    return Event(id, NOW + round(minutes * MINUTE), "c1", **other)


def proofs(rows: Rows) -> list[list[str]]:
    return sorted(row["ids"] for row in rows if row["kind"] == "alert")


def test_three_withdrawals_in_any_fifteen_minutes_are_one_alert(stream: Stream) -> None:
    """No aligned window of 15 minutes has these three; the fourth belongs to the same episode, the last three to another."""
    first = [at(10, "a"), at(14, "b"), at(25, "c"), at(28, "d")]
    rows = stream.found([first, [at(60, "e"), at(61, "f"), at(62, "g")]], FRAUD)
    assert proofs(rows) == [["a", "b", "c"], ["e", "f", "g"]]
    found = min(rows, key=lambda row: row["first_at"])
    assert found["text"] == "3 withdrawals within 900 s: card c1, machine m"
    assert (found["card"], found["machine"], found["last_at"] - found["first_at"]) == ("c1", "m", 15 * MINUTE)


def test_what_is_no_episode(stream: Stream) -> None:
    slow = [at(0, "a"), at(8, "b"), at(15.001, "c")]
    elsewhere = [at(40, "d"), at(41, "e"), at(42, "f", machine="n")]
    others = [at(80, "g"), at(81, "h", kind="deposit"), at(82, "i", kind="deposit")]
    again = [at(120, "j"), at(121, "k"), at(121, "k"), at(120, "j")]
    assert stream.found([slow, elsewhere, others, again], FRAUD) == []


def test_an_event_that_comes_late_completes_an_episode_and_a_later_one_is_reported(stream: Stream) -> None:
    rows = stream.found([[at(-10, "a"), at(70, "b"), at(10.5, "c"), at(12, "d")], [at(11, "e"), at(9, "f")]], FRAUD)
    assert proofs(rows) == [["c", "e", "d"]]
    assert [(row["kind"], row["ids"], row["text"]) for row in rows if row["kind"] != "alert"] == [
        ("late", ["f"], "event f came too late to be judged: card c1, machine m")
    ]


def test_one_card_in_two_cities(stream: Stream) -> None:
    rows = stream.found([[at(0, "a"), at(20, "b"), at(45, "c", city="Basel")], [at(80, "d", city="Basel"), at(111, "e")]], TWO_CITIES)
    assert proofs(rows) == [["b", "c"]]
    assert rows[0]["text"] == "2 transactions with different city within 1500 s: card c1"


def test_records_that_are_no_events_are_reported_by_their_offset(stream: Stream) -> None:
    ahead = at(26 * 60, "x")
    texts = [b"no JSON", b'{"id": "y", "at": "soon", "card": "c1", "machine": "m"}', b'{"at": 5}', b"\xff"]
    rows = stream.found([[*texts, ahead]], FRAUD)
    assert sorted((row["kind"], *row["ids"]) for row in rows) == [("future", "0-5"), *[("unreadable", f"0-{n}") for n in range(1, 5)]]
    assert "record 0-5 (partition-offset) is future" in {row["text"] for row in rows}


def test_a_time_of_iso_8601_is_read(stream: Stream) -> None:
    times = ["2026-01-01T10:00:00+01:00", "2026-01-01T09:05:00Z", "2026-01-01 09:10:00"]
    texts = [json.dumps({**at(0, f"i{n}").as_json(), "at": time}).encode() for n, time in enumerate(times)]
    assert proofs(stream.found([texts], FRAUD)) == [["i0", "i1", "i2"]]


def test_a_time_without_a_date_is_no_time(spark: SparkSession, stream: Stream) -> None:
    """Spark completes it with the day on which it runs, which is another one when a batch is repeated after midnight."""
    assert spark.sql("SELECT try_cast('12:30' AS TIMESTAMP)").first() != (None,)
    texts = [json.dumps({**at(0, f"i{n}").as_json(), "at": time}).encode() for n, time in enumerate(["12:30", "T12:30:00"])]
    assert [row["kind"] for row in stream.found([texts], FRAUD)] == ["unreadable"] * 2


def test_a_field_that_does_not_fit_is_reported_and_is_no_city(stream: Stream) -> None:
    """A city of 64 KB could not be kept, and ended each attempt; a missing one counted as another city."""
    odd: list[Event | bytes] = [at(0, "a"), at(1, "b", city="x" * 70_000), at(2, "c", city="")]
    none = {name: value for name, value in at(3, "d").as_json().items() if name != "city"}
    rows = stream.found([[*odd, json.dumps(none).encode()]], TWO_CITIES)
    assert sorted((row["kind"], *row["ids"]) for row in rows) == [("unreadable", f"0-{n}") for n in (2, 3, 4)]


def test_keys_with_the_separator_are_not_mixed_up(stream: Stream) -> None:
    keys = [("a\u001fb", "c"), ("a", "b\u001fc")] * 2
    mixed = [replace(at(n, f"i{n}", machine=machine), card=card) for n, (card, machine) in enumerate(keys)]
    assert {row["kind"] for row in stream.found([mixed], FRAUD)} == {"unreadable"}


def test_an_event_of_another_kind_needs_no_field_of_the_key(stream: Stream) -> None:
    online = {name: value for name, value in at(0, "a", kind="online").as_json().items() if name != "machine"}
    assert stream.found([[json.dumps(online).encode()]], FRAUD) == []


def test_an_event_that_is_known_is_not_reported_as_late(stream: Stream) -> None:
    """It was judged when it first came."""
    assert stream.found([[at(0, "a"), at(65, "b")], [at(0, "a")]], FRAUD) == []


def test_events_of_a_partition_are_judged_by_offset_whatever_times_are_claimed(stream: Stream) -> None:
    """As if each came in a batch of its own: b is 70 minutes behind c, which came before it."""
    stream.step = -1
    rows = stream.found([[at(70, "c"), at(0, "b")]], FRAUD)
    assert [(row["kind"], row["ids"]) for row in rows] == [("late", ["b"])]


def test_an_alert_of_very_many_events_fits_into_a_record(stream: Stream) -> None:
    """A topic takes 1 MB, unless it is set otherwise: a larger row would stop the job."""
    many = [at(n / 1000, f"{n:0200}") for n in range(6000)]
    (row,) = stream.found([[*many, at(10, "z", city="Basel")]], TWO_CITIES)
    assert (row["kind"], len(row["ids"]), row["ids"][0], row["ids"][-1]) == ("alert", 1000, f"{0:0200}", "z")
    assert row["text"].startswith("6001 transactions with different city within 600 s") and len(json.dumps(row)) < 1_000_000


def test_a_key_that_is_read_far_behind_the_stream_keeps_its_state(stream: Stream) -> None:
    """As of a partition that is read behind others: its events come one a batch, hours behind the watermark."""
    ahead = [[replace(at(240 + n, f"z{n}"), card="c2")] for n in range(2)]
    assert proofs(stream.found([*ahead, [at(0, "a")], [at(1, "b")], [at(2, "c")], [at(3, "d")]], FRAUD)) == [["a", "b", "c"]]


def test_a_key_with_too_many_events_says_what_it_forgot(stream: Stream) -> None:
    many = [at(n / 1000, f"n{n}") for n in range(25)]
    rows = stream.found([many], replace(FRAUD, events_per_key=10))
    assert [(row["kind"], row["ids"]) for row in rows if row["kind"] != "alert"] == [("forgotten", ["15"])]
    assert len(proofs(rows)) == 1


def test_state_of_a_key_goes_when_the_watermark_has_passed_it(stream: Stream) -> None:
    """So the duplicate of an event that long ago is a new one, and the number of keys is bounded."""
    one = replace(FRAUD, lateness_s=60)
    stream.found([[at(0, "a"), at(1, "b")], [replace(at(120, "z"), card="c2")], [replace(at(240, "y"), card="c2")]], one)
    kept = stream.spark.read.format("statestore").option("stateVarName", "kept").load((stream.home / "checkpoint").as_uri())
    assert [row.user_map_key.value for row in kept.select("user_map_key").collect()] == ["c2\u001fm"]


def test_state_goes_also_while_a_backlog_moves_the_watermark_in_large_steps(stream: Stream) -> None:
    """Each batch is more than a quarter of the time that a key is kept ahead of the one before."""
    cards = stream.spark.range(100_000).selectExpr("concat('c', id) AS card").where("pmod(hash(concat(card, '\\u001fm')), 4096) = 7")
    names = [row.card for row in cards.limit(8).collect()]
    stream.found([[replace(at(20 * n, f"e{n}"), card=card)] for n, card in enumerate(names)], replace(FRAUD, lateness_s=60))
    kept = stream.spark.read.format("statestore").option("stateVarName", "kept").load((stream.home / "checkpoint").as_uri())
    assert len(names) == 8 and kept.select("key").distinct().count() == 1, "all are in one bucket"
    assert kept.count() <= 2


def crowd(seed: int) -> list[Event]:
    """Make some events of each of 200 cards, in no order, many at the same minute, some twice, some far too late.

    All within 130 minutes: the state of a key goes when the stream is 135 minutes ahead of it.
    """
    rng = random.Random(seed)
    return [
        Event(
            f"e{rng.randrange(4000)}",
            NOW + rng.choice([rng.randrange(40), rng.randrange(130)]) * MINUTE,
            f"c{rng.randrange(200)}",
            rng.choice("mmn"),
            rng.choice(["Bern", "Bern", "Basel"]),
            rng.choice(["withdrawal", "withdrawal", "deposit"]),
        )
        for _ in range(3000)
    ]


@pytest.mark.parametrize(("options", "rule"), [(FRAUD, WITHDRAWALS), (TWO_CITIES, CITIES)])
def test_alerts_are_those_of_brute_force(stream: Stream, options: Options, rule: Rule) -> None:
    events = crowd(7)
    rows = stream.found([events[:300], events[300:301], events[301:2000], events[2000:]], options)
    wanted = [event for event in events if event.kind == "withdrawal" or rule is CITIES]
    expected = sorted(sorted(ids) for _, ids in episodes.alerts(rule, wanted))
    assert expected and sorted(map(sorted, proofs(rows))) == expected


minutes = st.integers(0, 90)
arriving = st.lists(st.builds(Event, st.sampled_from("abcdefghijkl"), minutes.map(lambda m: NOW + m * MINUTE), st.just("c")), max_size=12)


@given(arriving, st.sampled_from([WITHDRAWALS, CITIES]))
def test_an_alert_is_part_of_one_episode_and_each_episode_has_one(arrived: list[Event], rule: Rule) -> None:
    """Of the brute force itself: in order of time exactly one; in another order two episodes that a later event joins have had one each."""
    once = list({event.id: event for event in reversed(arrived)}.values())
    final = episodes.components(rule, once)
    ordered = [ids for _, ids in episodes.alerts(rule, sorted(once, key=lambda event: event.at))]
    assert len(ordered) == len(final) and all(any(ids <= episode for ids in ordered) for episode in final)
    found = [ids for _, ids in episodes.alerts(replace(rule, lateness=1000 * MINUTE), once)]
    assert all(any(ids <= episode for episode in final) for ids in found) and all(any(ids <= episode for ids in found) for episode in final)


def test_the_specs_of_the_catalogue_have_these_patterns() -> None:
    specs = sound(CATALOGUE)
    assert not specs.bad
    assert specs["fraud"].options | {"what": 0} == {
        "what": 0, "only": {"kind": ["withdrawal"]}, "key": ["card", "machine"], "more_than": 2, "within": "15m", "lateness": "1h",
    }  # fmt: skip
    assert specs["two_cities"].options["different"] == "city"
