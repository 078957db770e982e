"""From records to counts: against the oracle line by line, and against the generator's own truth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from pyspark.sql import DataFrame, SparkSession

from drill.generator import Generator, Mix
from spark_jobs.counts.cells import OTHER, Delta
from spark_jobs.counts.deltas import Counted
from spark_jobs.counts.options import CountsOptions
from spark_jobs.counts.transform import BLOCK, FEW, LONGEST_LINE, Count, Plan, Rejected, capped, collected, counted, gathered, sampled
from spark_jobs.protocol.head import Progress
from spark_jobs.protocol.partition import Partition, of_source
from spark_jobs.sources import kafka

OPTIONS, IDS = CountsOptions(rejected_samples=5), {"logs": ""}
NOW_MS = 1_784_000_000_000
SCHEMA = "key binary, value binary, topic string, partition int, offset long, timestamp timestamp, timestampType int"
Record = tuple[bytes | None, bytes | None, int]  # key, value, partition


def frame(spark: SparkSession, records: Iterable[Record], append_ms: int = NOW_MS) -> DataFrame:
    time = datetime.fromtimestamp(append_ms / 1000, UTC)
    rows = [(key, value, "logs", partition, offset, time, 1) for offset, (key, value, partition) in enumerate(records)]
    return spark.createDataFrame(rows, SCHEMA).repartition(3)


def count(spark: SparkSession, records: Sequence[Record], options: CountsOptions = OPTIONS, append_ms: int = NOW_MS) -> Counted:
    counts = collected(Plan(options).counts(frame(spark, records, append_ms)), IDS)
    return counted(capped(counts, options.signature_cap), Progress(), options)


def at(second: int, level: str = "error", message: str = "x") -> bytes:
    return f"[Mon Jul 13 10:00:{second:02} 2026] [{level}] {message}".encode()


def test_the_truth_of_the_generator(spark: SparkSession) -> None:
    generator = Generator(7, NOW_MS - 86_400_000, Mix(bad_share=0.05, events_per_s=500))
    records = [(key, line, n % 4) for block in generator.blocks(6000) for n, (key, line) in enumerate(block)]
    result = count(spark, records)
    assert {(d.pane_start, d.service, d.level, d.signature): d.n for d in result.deltas} == dict(generator.truth.panes)
    assert dict(result.totals.rejected) == dict(generator.truth.rejected)
    assert dict(result.totals.levels) == dict(generator.truth.levels())
    assert result.totals.lines == 6000
    assert result.totals.conserved


def test_a_small_batch_is_counted_without_a_shuffle_and_alike(spark: SparkSession) -> None:
    blocks = Generator(8, NOW_MS - 86_400_000, Mix(bad_share=0.05)).blocks(2000)
    records = frame(spark, [(key, line, n % 4) for block in blocks for n, (key, line) in enumerate(block)])
    few, many = (Plan(OPTIONS).counts(gathered(records, lines)) for lines in (FEW, FEW + 1))
    shuffles = ["Exchange hashpartitioning" in str(df._jdf.queryExecution().executedPlan()) for df in (few, many)]  # type: ignore[operator]
    assert shuffles == [False, True]
    assert sorted(collected(few, IDS), key=str) == sorted(collected(many, IDS), key=str)


LIMIT_MS = 1_768_471_200_000 + 3_600_000  # an hour after 10:00:00 on 15 January 2026


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "empty"),
        (b"", "empty"),
        (b"x" * (LONGEST_LINE + 1), "too_long"),
        (b"\xff" * (LONGEST_LINE + 1), "too_long"),
        (b"x" * LONGEST_LINE, "not_a_log_line"),
        (b"x" * (1 << 20), "too_long"),
        (at(1) + b"\xe9", "not_utf8"),
        (at(1) + b"\xed\xa0\x80", "not_utf8"),  # half of a surrogate pair
        (at(1) + b"\xc0\x80", "not_utf8"),  # longer than it need be
        (b"no line", "not_a_log_line"),
        (b"[Mon Feb 30 10:00:00 2026] [error] x", "bad_time"),
        (b"[Mon Jul 13 10:00:00 2099] [error] x", "future"),
    ],
)
def test_what_is_rejected(spark: SparkSession, value: bytes | None, reason: str) -> None:
    result = count(spark, [(b"web", value, 0)])
    assert dict(result.totals.rejected) == {reason: 1}
    assert not result.deltas
    assert result.progress.event_times == {}
    assert result.progress.append_times == of_source("", {0: NOW_MS})


@pytest.mark.parametrize(("ahead_ms", "rejected"), [(0, {}), (1, {"future": 1})])
def test_the_future_begins_a_millisecond_after_the_skew(spark: SparkSession, ahead_ms: int, rejected: dict[str, int]) -> None:
    line = b"[Thu Jan 15 12:00:00.%03d 2026] [error] x" % ahead_ms
    assert count(spark, [(b"web", line, 0)], append_ms=LIMIT_MS).totals.rejected == rejected


def test_services(spark: SparkSession) -> None:
    keys = [None, b"", b"web", "caf\u00e9".encode(), b"a\xffb", b"k" * 300]
    result = count(spark, [(key, at(1), 0) for key in keys])
    assert Counter({d.service: d.n for d in result.deltas}) == Counter(
        {"unknown": 2, "web": 1, "caf\u00e9": 1, "a\ufffdb": 1, "k" * 256: 1}
    )


def test_panes_and_progress(spark: SparkSession) -> None:
    result = count(spark, [(b"web", at(9), 0), (b"web", at(10), 0), (b"web", at(19), 1), (b"web", at(5, "notice"), 1)])
    start = 1_783_936_800_000
    assert result.deltas == [
        Delta(start, "web", "error", "x", 1), Delta(start, "web", "notice", "", 1), Delta(start + 10_000, "web", "error", "x", 2),
    ]  # fmt: skip
    assert result.progress.event_times == of_source("", {0: start + 10_000, 1: start + 19_000})
    assert result.progress.watermark == start + 10_000 - 60_000


def test_the_signature_cap(spark: SparkSession) -> None:
    lines = ["c"] * 3 + ["b"] * 2 + ["a"] * 2 + ["z"] + ["d"] * 5
    records = [(b"web", at(n, message=m), n % 3) for n, m in enumerate(lines)] + [(b"web", at(1, "notice", m), 0) for m in lines]
    records += [(b"shop", at(1, message="z"), 0)]
    result = count(spark, records, replace(OPTIONS, signature_cap=3))
    total: Counter[tuple[str, str, str]] = Counter()
    for d in result.deltas:
        total[d.service, d.level, d.signature] += d.n
    assert total == {
        ("web", "error", "d"): 5, ("web", "error", "c"): 3, ("web", "error", "a"): 2, ("web", "error", OTHER): 3,
        ("web", "notice", ""): 13, ("shop", "error", "z"): 1,
    }  # fmt: skip


def test_a_service_has_rules_of_its_own_for_signatures(spark: SparkSession) -> None:
    records = [(key, at(n, message="tenant acme at web7"), 0) for n, key in enumerate((b"web", b"shop", None))]
    services = {"shop": {"signatures": {"keep": ("web7",)}}, "unknown": {"signatures": {"without": ("number",)}}}
    result = count(spark, records, replace(OPTIONS, signatures={"mask_after": ("tenant",)}, services=services))
    assert {d.service: d.signature for d in result.deltas} == {
        "web": "tenant * at *", "shop": "tenant * at web7", "unknown": "tenant * at web7"
    }  # fmt: skip


def test_rejected_lines_are_known_by_their_offsets(spark: SparkSession) -> None:
    zero, one = Partition("", 0), Partition("", 1)
    bad = {3: b"bad", 70: b"", 71: b"bad", 131: b"\xff"}
    records: list[Record] = [(b"web", bad.get(n, at(1)), n % 2) for n in range(140)]
    rows = collected(Plan(OPTIONS).counts(frame(spark, records)), IDS)
    assert sampled(rows, 3) == [
        Rejected(3, one, "web", "not_a_log_line"), Rejected(70, zero, "web", "empty"), Rejected(131, one, "web", "not_utf8")
    ]  # fmt: skip
    assert {line.offset for line in sampled(rows, 9)} == {3, 70, 71, 131}


def rejected_row(offset: int, reason: str, partition: int = 0) -> Count:
    return Count(Partition("", partition), "web", offset // BLOCK, None, "", reason, 1, None, NOW_MS, 1 << offset % BLOCK)


def test_samples_are_near_the_first_ones_and_of_every_reason() -> None:
    rows = [rejected_row(n, "empty") for n in range(10, 9000, 500)] + [rejected_row(8000, "future"), rejected_row(9000, "empty", 1)]
    rows.append(rejected_row(9001, "future", 1))
    places = [(line.partition.number, line.offset) for line in sampled(rows, 100)]
    assert sorted(places) == [(0, 10), (0, 510), (0, 1010), (0, 1510), (0, 2010), (0, 8000), (1, 9000), (1, 9001)]
    assert {line.reason for line in sampled(rows, 2)} == {"empty", "future"}
    assert sampled(rows, 0) == []


def test_a_batch_without_lines(spark: SparkSession) -> None:
    result = count(spark, [])
    assert result == Counted([], result.totals, Progress(), [])
    assert result.totals.lines == 0


def test_lines_of_several_topics_are_kept_apart(spark: SparkSession) -> None:
    """Their partitions have the same numbers."""
    rows = [(b"web", at(n), f"topic-{n % 2}", 0, n, datetime.fromtimestamp(NOW_MS / 1000, UTC), 1) for n in range(6)]
    records = spark.createDataFrame(rows, SCHEMA)
    counts = collected(Plan(OPTIONS, several=True).counts(records), {"topic-0": "id-a", "topic-1": "id-b"}, several=True)
    result = counted(counts, Progress(), OPTIONS)
    start = result.deltas[0].pane_start
    assert result.progress.event_times == {Partition("id-a", 0): start + 4000, Partition("id-b", 0): start + 5000}
    assert sum(delta.n for delta in result.deltas) == result.totals.lines == 6


@pytest.mark.parametrize(
    ("said", "kind", "arrived"), [(2000, 1, 2000), (2000, 0, 1000), (400, 0, 400), (-1, -1, 1000), (0, 0, 1000)], ids=str
)
def test_what_a_producer_says_of_arrival_counts_up_to_when_the_batch_was_read(
    spark: SparkSession, said: int, kind: int, arrived: int
) -> None:
    rows = [(datetime.fromtimestamp(said / 1000, UTC), kind)]
    records = spark.createDataFrame(rows, "timestamp timestamp, timestampType int")
    assert [row.timestamp for row in kafka.arrivals(records, 1000).collect()] == [datetime.fromtimestamp(arrived / 1000)]
