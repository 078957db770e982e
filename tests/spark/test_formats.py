"""What the job makes of lines of each format: by the examples of docs/formats.md, and without ever failing at a limit."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from pyspark.sql import SparkSession

from drill.format_lines import CASES, lines
from spark_jobs.counts.options import CountsOptions
from spark_jobs.counts.services import services
from spark_jobs.counts.transform import Plan, collected, sampled

NOW = datetime(2026, 1, 20, 12, tzinfo=UTC)
SCHEMA = "n int, key binary, value binary, timestamp timestamp, topic string, partition int, offset long"
HTTPD = b"[Tue Jan 20 10:00:01 2026] [core:error] [pid 7] x"
NGINX = b"2026/01/20 10:00:00 [error] 1#1: *2 open() failed"


def judged(
    spark: SparkSession, options: CountsOptions, values: Sequence[tuple[bytes | None, bytes]], at: datetime = NOW
) -> list[tuple[Any, ...]]:
    """Return the reason, level, time in UTC and message of each key and value."""
    rows = [(n, key, bytearray(value), at, "logs", 0, n) for n, (key, value) in enumerate(values)]
    found = (
        Plan(options).judged(spark.createDataFrame(rows, SCHEMA)).orderBy("n").select("reason", "level", "event_ms", "message").collect()
    )
    return [(r, level, when(ms), message if level in ("emerg", "alert", "crit", "error") else None) for r, level, ms, message in found]


def when(ms: int | None) -> str | None:
    return None if ms is None else datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").removesuffix("+00:00")


EXAMPLES: list[tuple[Any, bytes, tuple[Any, ...]]] = [
    (CASES[1].line_format, CASES[1].good[0], (None, "emerg", "2026-01-20T10:00:01.138", "PHP x")),
    (CASES[1].line_format, b"[2026-02-30 10:00:01] [-:error] x", ("bad_time", None, None, None)),
    (CASES[1].line_format, b"  [2026-01-20 10:00:01] [-:error] x", ("not_a_log_line", None, None, None)),
    ("nginx_error", NGINX, (None, "error", "2026-01-20T10:00:00.000", "open() failed")),
    ("syslog_rfc3164", b"<187>Jan 20 09:11:00 web1 sshd[1]: no", (None, "error", "2026-01-20T09:11:00.000", "no")),
    ("syslog_rfc3164", b"Jan 20 09:11:00 web1 sshd[1]: no", (None, "notice", "2026-01-20T09:11:00.000", None)),
    ("syslog_rfc3164", b"Dec 31 23:59:59 web1 x", (None, "notice", "2025-12-31T23:59:59.000", None)),
    ("syslog_rfc3164", b"2026-01-20T09:11:00.1+01:00 web1 x", (None, "notice", "2026-01-20T08:11:00.100", None)),
    ("syslog_rfc3164", b"Feb 29 09:11:00 web1 x", ("bad_time", None, None, None)),
    ("syslog_rfc5424", CASES[4].good[1], (None, "error", "2026-01-20T10:41:00.000", "boom [x] y")),
    ("ecs", b'{"@timestamp":"2026-01-20T09:11:00Z","log":{"level":"warning"}}', (None, "warn", "2026-01-20T09:11:00.000", None)),
    ("ecs", b'{"@timestamp":"2026-01-20T09:11:00Z","log.level":"FATAL","message":"m"}', (None, "crit", "2026-01-20T09:11:00.000", "m")),
    ("logstash", b'{"@timestamp":"2026-01-20T09:11:00Z","level":"ERROR","message":"m"}', (None, "error", "2026-01-20T09:11:00.000", "m")),
    (CASES[6].line_format, CASES[6].good[0], (None, "error", "2026-01-20T09:06:40.123", "x")),
    (CASES[7].line_format, CASES[7].good[1], (None, "error", "2026-01-20T09:11:00.100", "hi - there")),
    (CASES[8].line_format, CASES[8].good[0], (None, "error", "2026-01-20T09:00:01.000", "x")),
    (
        {"name": "apache_error", "container": "cri"},
        b"2026-01-20T09:11:00Z stderr F " + HTTPD,
        (None, "error", "2026-01-20T10:00:01.000", "x"),
    ),
    ({"name": "apache_error", "container": "compose"}, b"web-1  | " + HTTPD, (None, "error", "2026-01-20T10:00:01.000", "x")),
    ({"name": "apache_error", "container": "compose"}, b"web-1  |     at x", ("continuation", None, None, None)),
    ({"name": "apache_error", "container": "compose"}, b"web-1  | ", ("empty", None, None, None)),
    ({"name": "apache_error", "container": "compose"}, HTTPD, ("not_a_log_line", None, None, None)),
    ({"name": "apache_error", "container": "docker"}, b'{"log":"%s\\n"}' % HTTPD, (None, "error", "2026-01-20T10:00:01.000", "x")),
    ({"name": "apache_error", "container": "filebeat"}, b'{"message":"%s"}' % HTTPD, (None, "error", "2026-01-20T10:00:01.000", "x")),
    ({"name": "apache_error", "continuations": False}, b"\tat x", ("not_a_log_line", None, None, None)),
    ({"name": "apache_error", "continuations": ["> "]}, b"> x", ("continuation", None, None, None)),
]


ALL = (*(line_format for line_format, _, _ in EXAMPLES), *(case.line_format for case in CASES))
FORMATS = [json.loads(text) for text in dict.fromkeys(json.dumps(line_format) for line_format in ALL)]
BESIDE = 4  # formats of a job: a plan of twenty is not what anybody runs, and takes a minute to make


@pytest.mark.parametrize("first", range(0, len(FORMATS), BESIDE))
def test_examples_are_read_and_no_line_fails_the_batch(spark: SparkSession, first: int) -> None:
    """Several formats in one job, each as a service of its own: that they do not disturb each other is seen, too."""
    formats = FORMATS[first : first + BESIDE]
    each = services({f"s{n}": {"line_format": line_format} for n, line_format in enumerate(formats)})
    examples = [(b"s%d" % formats.index(x), line, expected) for x, line, expected in EXAMPLES if x in formats]
    good = [(b"s%d" % formats.index(case.line_format), case.good[0]) for case in CASES if case.line_format in formats]
    broken = [(b"s%d" % formats.index(c.line_format), line) for c in CASES if c.line_format in formats for line in lines(c, every=7)]
    found = judged(spark, CountsOptions(services=each), [*((key, line) for key, line, _ in examples), *good, *broken])
    for (_, line, expected), got in zip(examples, found, strict=False):
        assert got == expected, line
    assert [reason for reason, *_ in found[len(examples) : len(examples) + len(good)]] == [None] * len(good)
    assert len(found) == len(examples) + len(good) + len(broken)
    assert all((reason is None) == (level is not None) == (time is not None) for reason, level, time, _ in found)


def test_each_service_has_its_format_and_zone(spark: SparkSession) -> None:
    each = services(
        {
            "proxy": {"line_format": "nginx_error", "time_zone": "Asia/Tokyo"},
            "shop": {"time_zone": "Europe/Berlin"},
            "unknown": {"time_zone": "Asia/Tokyo"},
        }
    )
    lines = [(key, line) for key in (b"web", b"proxy", b"shop", None, b"") for line in (HTTPD, NGINX, b"")]
    found = [(reason, time) for reason, _, time, _ in judged(spark, CountsOptions(services=each), lines)]
    odd, tokyo = ("not_a_log_line", None), (None, "2026-01-20T01:00:01.000")
    assert found == [
        (None, "2026-01-20T10:00:01.000"), odd, ("empty", None),
        odd, (None, "2026-01-20T01:00:00.000"), ("empty", None),
        (None, "2026-01-20T09:00:01.000"), odd, ("empty", None),
        tokyo, odd, ("empty", None),
        tokyo, odd, ("empty", None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "at", "year"),
    [
        (b"Jan  1 00:00:01 h x", datetime(2025, 12, 31, 23, 59, 58, tzinfo=UTC), "2026"),  # a clock that is ahead
        (b"Dec 31 23:59:59 h x", datetime(2026, 1, 1, 0, 0, 5, tzinfo=UTC), "2025"),
        (b"Mar  5 10:00:00 h x", datetime(2026, 11, 29, tzinfo=UTC), "2026"),
        (b"Dec 24 10:00:00 h x", datetime(2026, 11, 29, tzinfo=UTC), "2025"),
        (b"Feb 29 10:00:00 h x", datetime(2025, 1, 2, tzinfo=UTC), "2024"),
    ],
)
def test_a_year_comes_from_the_arrival(spark: SparkSession, line: bytes, at: datetime, year: str) -> None:
    ((_, _, time, _),) = judged(spark, CountsOptions(line_format="syslog_rfc3164"), [(b"web", line)], at)
    assert time is not None and time.startswith(year)


def test_continuations_are_counted_by_themselves_and_have_no_samples(spark: SparkSession) -> None:
    values = [HTTPD, *[b"\tat com.foo.Bar"] * 200, b"nonsense"]
    rows = [(n, b"web", bytearray(value), NOW, "logs", 0, n) for n, value in enumerate(values)]
    counts = collected(Plan(CountsOptions()).counts(spark.createDataFrame(rows, SCHEMA)), {"logs": ""})
    assert sorted((row.reason or "", row.n) for row in counts) == [("", 1), ("continuation", 200), ("not_a_log_line", 1)]
    assert [(line.reason, line.offset) for line in sampled(counts, 100)] == [("not_a_log_line", 201)]


def test_a_line_may_name_its_service(spark: SparkSession) -> None:
    options = CountsOptions(line_format={"name": "json", "service": "service.name"})
    line = b'{"@timestamp":"2026-01-20T09:11:00Z","level":"info","service":{"name":%s}}'
    names = [b'"pay"', b"7", b'" "', b'"[x"', b'"' + b"n" * 300 + b'"', b"null"]
    rows = [(n, b"web", bytearray(line % name), NOW, "logs", 0, n) for n, name in enumerate(names)]
    rows.append((9, b"web", bytearray(line.replace(b"09:11", b"25:11") % b'"pay"'), NOW, "logs", 0, 9))
    counts = collected(Plan(options).counts(spark.createDataFrame(rows, SCHEMA)), {"logs": ""})
    assert sorted((row.service, row.reason, row.n) for row in counts if row.reason is None) == [
        ("n" * 256, None, 1),
        ("pay", None, 1),
        ("web", None, 4),
    ]
    assert [row.service for row in counts if row.reason == "bad_time"] == ["web"]
