"""The parser of Apache error lines against a list of lines, and against an oracle on lines that somebody means ill with."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from spark_jobs.formats.reader import in_zones, stages
from spark_jobs.formats.spec import LineFormat
from tests.spark.oracle import Verdict, judge

CLASSIC = b"[Fri Dec 20 01:46:23 2015] [error] [client 1.2.3.4] Directory index forbidden by rule: /home/raj/"
MODERN = b"[Fri Sep 09 10:42:29.902022 2011] [core:error] [pid 35708:tid 4328636416] [client 72.15.99.187] File does not exist: /x"
S2015 = 1_450_575_983_000


def parse(spark: SparkSession, lines: Sequence[bytes], time_zone: str = "UTC") -> list[tuple[int | None, str | None, str | None]]:
    frame = spark.createDataFrame([(n, bytearray(line)) for n, line in enumerate(lines)], "n int, value binary")
    parsed = reduce(lambda df, stage: df.withColumns(stage), stages(LineFormat(), in_zones(time_zone)), frame)
    return [tuple(row) for row in parsed.orderBy("n").select("event_ms", "level", "message").collect()]


def expected(line: bytes, time_zone: str = "UTC") -> tuple[int | None, str | None, str | None]:
    verdict = judge(line, time_zone=time_zone)
    return verdict.event_ms, verdict.level, verdict.message


GOOD = [
    (CLASSIC, S2015, "error", "Directory index forbidden by rule: /home/raj/"),
    (MODERN, 1_315_564_949_902, "error", "File does not exist: /x"),
    (CLASSIC.replace(b"[error]", b"[ERROR]"), S2015, "error", "Directory index forbidden by rule: /home/raj/"),
    (CLASSIC.replace(b"1.2.3.4", b"1.2.3.4.5.6"), S2015, "error", "Directory index forbidden by rule: /home/raj/"),
    (b"[Fri Dec 20 01:46:23 2015] [:error] [pid 7] no client", S2015, "error", "no client"),
    (b"[Fri Dec 20 01:46:23 2015] [a:b:Crit] x", S2015, "crit", "x"),
    (b"[Fri Dec 20 01:46:23 2015] [" + b"m" * 58 + b":error] 64 bytes", S2015, "error", "64 bytes"),
    (b"[??? Dec 20 01:46:23 2015] [emerg] any weekday", S2015, "emerg", "any weekday"),
    (b"[Fri Dec 20 01:46:23 2015] [notice] only errors have a message", S2015, "notice", None),
    (b"[Fri Dec 20 01:46:23 2015] [trace8]", S2015, "trace8", None),
    (b"[Fri Dec 20 01:46:23 2015] [alert]", S2015, "alert", ""),
    (b"[Fri Dec 20 01:46:23 2015] [error] [client never closed", S2015, "error", ""),
    (b"[Fri Dec 20 01:46:23 2015] [error]  [client x] not in its place", S2015, "error", "[client x] not in its place"),
    (b"[Fri Dec 20 01:46:23 2015] [error] [pid 1] [client x y\xc3\xa9] z", S2015, "error", "z"),
    (b"[Wed Mar 02 01:02:03 2016] [warn] x", 1_456_880_523_000, "warn", None),
    (b"[Wed Mar  2 01:02:03 2016] [warn] x", 1_456_880_523_000, "warn", None),
    (b"[Mon Feb 29 23:59:59.9 2016] [warn] x", 1_456_790_399_900, "warn", None),
    (b"[Mon Feb 29 23:59:59.123456789 2016] [warn] x", 1_456_790_399_123, "warn", None),
    (b"[Thu Jan 01 00:00:00 1970] [info] x", 0, "info", None),
    (b"[Wed Dec 31 23:59:59.999 1969] [info] x", -1, "info", None),
    (b"[Mon Jan 01 00:00:00 0001] [info] x", -62_135_596_800_000, "info", None),
    (b"[Fri Dec 31 23:59:59 9999] [info] x", 253_402_300_799_000, "info", None),
]


def test_the_forms_of_a_line(spark: SparkSession) -> None:
    assert parse(spark, [line for line, *_ in GOOD]) == [tuple(rest) for _, *rest in GOOD]


@pytest.mark.parametrize(("line", "rest"), [(line, tuple(rest)) for line, *rest in GOOD], ids=range(len(GOOD)))
def test_the_oracle_agrees_on_the_forms(line: bytes, rest: tuple[object, ...]) -> None:
    assert expected(line) == rest


BAD_TIMES = [
    b"Feb 30 00:00:00 2016", b"Feb 29 00:00:00 2015", b"Feb 29 00:00:00 1900", b"Apr 31 00:00:00 2015", b"Dec 00 00:00:00 2015",
    b"Dec 32 00:00:00 2015", b"Dec 20 24:00:00 2015", b"Dec 20 23:60:00 2015", b"Dec 31 23:59:60 2015", b"Dec 20 01:46:23 0000",
    b"Dez 20 01:46:23 2015", b"DEC 20 01:46:23 2015", b"Dec 2  01:46:23 2015", b"Dec +2 01:46:23 2015", b"Dec -2 01:46:23 2015",
    b"Dec 20 01:46:2Z 2015", b"Dec 20 01:46:2. 2015", b"Dec 20 01:46:2  2015", b"Dec 20 01:46:+2 2015", b"Dec 20 1 :46:23 2015",
    b"Dec 20  1:46:23 2015", b"Dec 20 01:4 :23 2015", b"Dec 20 01::4:23 2015", b"Dec 20 01:46::3 2015", b"Dec 20 01:46:23 +201",
    b"Dec 20 01:46:23  201", b"Dec 20 01:46:23 201x", b"Dec 20 01:46:23.+1 2015", b"Dec 20 01:46:23. 1 2015", b"Dec 20 01:46:23.1Z 2015",
    b"Dec 20 01:46:23.12345678  2015", "Dec 20 01:46:23.\u00e9 2015".encode(),
    b"Dec 20 01:46:23.12345678x 2015", b"Dec 20 01:46:23.123+08 2015", b"Dec 20 01:46:23.1 5 2015", b"Dec  0 01:46:23 2015",
]  # fmt: skip


def test_a_time_that_is_none(spark: SparkSession) -> None:
    lines = [b"[Fri " + time + b"] [error] x" for time in BAD_TIMES]
    assert [(event, level) for event, level, _ in parse(spark, lines)] == [(None, "error")] * len(lines)
    assert {judge(line).reason for line in lines} == {"bad_time"}


NOT_LINES = [
    b"", b" ", b"[", b"]", b"] [", b"[]" * 30, b"\n", b"\x00" * 40, b"garbage", "é".encode() * 30,
    b"[Fri Dec 20 01:46:23 2015]", b"[Fri Dec 20 01:46:23 2015] [", b"[Fri Dec 20 01:46:23 2015] []", b"[Fri Dec 20 01:46:23 2015] [error",
    b"[Fri Dec 20 01:46:23 2015] error", b"[Fri Dec 20 01:46:23 2015] [shouting] x", b"[Fri Dec 20 01:46:23 2015] [error:] x",
    b"[Fri Dec 20 01:46:23 2015] [ error] x", b"[Fri Dec 20 01:46:23 2015] [trace9] x", b"[Fri Dec 20 01:46:23 2015][error] x",
    b"Fri Dec 20 01:46:23 2015 [error] x", b" [Fri Dec 20 01:46:23 2015] [error] x", b"[Fri Dec 20T01:46:23 2015] [error] x",
    b"[Friday Dec 20 01:46:23 2015] [error] x", b"[Fri Dec 2 01:46:23 2015] [error] x", b"[Fri Dec 20 01:46:23. 2015] [error] x",
    b"[Fri Dec 20 01:46:23.1234567890 2015] [error] x", b"[Fri Dec 20 01:46:23 12015] [error] x", b"[Fri Dec 20 01-46-23 2015] [error] x",
    b"[Fri Dec 20 01:46:23 2015] [" + b"m" * 59 + b":error] x", b"[Fri Dec 20 01:46:23.1 2015\xc3\xa9] [error] x",
]  # fmt: skip


def test_a_line_that_is_none(spark: SparkSession) -> None:
    assert [level for _, level, _ in parse(spark, NOT_LINES)] == [None] * len(NOT_LINES)
    assert {judge(line).level for line in NOT_LINES} == {None}


BERLIN = [
    (b"Mar 29 01:59:59", "2026-03-29T00:59:59Z"),
    (b"Mar 29 02:30:00", "2026-03-29T01:30:00Z"),  # does not occur: half an hour after the gap's beginning, so 03:30
    (b"Mar 29 03:30:00", "2026-03-29T01:30:00Z"),
    (b"Oct 25 02:30:00", "2026-10-25T00:30:00Z"),  # occurs twice: the first
    (b"Oct 25 03:00:00", "2026-10-25T02:00:00Z"),
]


def test_a_named_time_zone(spark: SparkSession) -> None:
    from datetime import datetime

    lines = [b"[Sun " + time + b" 2026] [info] x" for time, _ in BERLIN]
    times = [int(datetime.fromisoformat(utc).timestamp() * 1000) for _, utc in BERLIN]
    assert [event for event, *_ in parse(spark, lines, "Europe/Berlin")] == times
    assert [judge(line, time_zone="Europe/Berlin").event_ms for line in lines] == times


def number(low: int, high: int, width: int = 2) -> st.SearchStrategy[bytes]:
    padded = st.integers(low, high).flatmap(lambda n: st.sampled_from([f"{n:0{width}}", f"{n:{width}}"]))
    return padded.map(str.encode)


HEADS = st.builds(
    lambda wday, month, day, h, m, s, fraction, year, level: (
        b"[%b %b %b %b:%b:%b%b %b] [%b]" % (wday, month, day, h, m, s, fraction, year, level)
    ),
    st.sampled_from([b"Fri", b"xyz", b"] [", "é!".encode()]),
    st.sampled_from([b"Jan", b"Feb", b"Jun", b"Dec", b"Foo"]),
    number(0, 32), number(0, 24), number(0, 60), number(0, 60),
    st.one_of(st.just(b""), st.text("0123456789", min_size=0, max_size=10).map(lambda d: b"." + d.encode())),
    st.one_of(number(0, 9999, 4), st.just(b"2016")),
    st.sampled_from([b"error", b"core:error", b":CRIT", b"notice", b"Trace4", b"nonsense", b"m:n:alert"]),
)  # fmt: skip
TEXTS = st.sampled_from([b"", b" x", b" [client 1.2.3.4] y", b" [pid 1:tid 2] [client a b] z", b" [client", b"x", b" [pid 3]  \xc3\xa9 "])
HOSTILE = b" ]:[+-.0159ZTez/\x00\n"


@st.composite
def hostile(draw: st.DrawFn) -> bytes:
    """A line of the right form, in which up to three bytes were replaced, removed or added."""
    line = bytearray(draw(HEADS) + draw(TEXTS))
    for _ in range(draw(st.integers(0, 3))):
        at, how, byte = draw(st.integers(0, 45)), draw(st.integers(0, 2)), draw(st.sampled_from(HOSTILE))
        line[at : at + (how != 0)] = bytes([byte]) if how < 2 else b""
    return bytes(line)


def is_utf8(line: bytes) -> bool:
    return judge(line).reason not in ("not_utf8", "empty")


LISTS = st.lists(st.one_of(hostile(), st.binary(max_size=60)).filter(is_utf8), min_size=100, max_size=200)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(LISTS)
def test_hostile_lines(spark: SparkSession, lines: list[bytes]) -> None:
    for line, got in zip(lines, parse(spark, lines), strict=True):
        want: Verdict = judge(line)
        level = got[1] if want.reason == "bad_time" else want.level
        assert got[:2] == (want.event_ms, level), line
        assert (got[1] is None) == (want.reason == "not_a_log_line"), line
        if want.reason is None:
            assert got[2] == want.message, line
