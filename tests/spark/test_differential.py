"""Three parsers agree on every line: the job's two engines, and the recount's. On reason, level, time and service; the engines on the
signature, too. The recount shares nothing with them but the spec.

WEIR_MUTATIONS=N spoils N lines of each format instead of the usual number, with the seed of WEIR_SEED.
"""

from __future__ import annotations

import json
import os
from base64 import b64decode, b64encode
from collections.abc import Sequence
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
from pyspark.sql import SparkSession

from spark_jobs.counts import native, reading
from spark_jobs.counts.options import CountsOptions
from spark_jobs.counts.transform import Plan
from tests.spark.mutations import mutated
from tests.unit.counts.messages import HOSTILE, VECTORS
from weir.counts.lines import reader, service_of
from weir.counts.rules import Rules
from weir.times import parse_time

NOW = parse_time("2026-01-31T12:00:00Z")
N, SEED = int(os.environ.get("WEIR_MUTATIONS", "1500")), int(os.environ.get("WEIR_SEED", "19"))
Record = tuple[bytes | None, bytes]  # key, line
SCHEMA = "n int, key binary, value binary, timestamp timestamp, timestampType int"
ZONES = {"Europe/Berlin": (b"[Sun Oct 26 02:30:00 2025] [error] x", b"[Sun Mar 30 02:30:00 2025] [error] x")}
TRACE = (
    b"Traceback (most recent call last):",
    b"java.lang.IllegalStateException: boom",
    b"\tat org.example.Main(Main.java:17)",
    b"#0 /x.php(3)",
    b"});",
    b"KeyError",
)
WORDS = (
    *("a", "x_", "ok", "not", "msg", "id", "for", "user", "User", "password", "from", "Mon", "Jan", "May"),
    *("abcdefghijklm", "abcdefghijklmn", "abcdefghijklmno"),
)
BEHIND = (
    *("", *" .:=-_/@,<\0\"'7\u00e9", ": ", ":7", "=7", " 7", "  7", " 7 KB", ' x"', '" x'),
    *(".de", "://x", "()", "::", "@a.de", "\0\0", " from x"),
)
LONGEST = b"x" * 45 + b":" + b"x" * 13
FORMATS: dict[str, tuple[Any, Sequence[bytes]]] = {
    "apache_error": (
        "apache_error",
        (
            b"[Fri Sep 09 10:42:29.902022 2011] [core:error] [pid 35708:tid 4328636416] [client 72.15.99.187] File does not exist: /x",
            b"[Fri Dec 20 01:46:23 2015] [error] [client 1.2.3.4] Directory index forbidden",
            b"[Fri Dec  2 01:46:23.123456789 2015] [ssl:Trace8] x",
            b"[Fri Dec 20 01:46:23 2015] [" + LONGEST + b":info] at the limit of 64 bytes",
            b"[Fri Dec 20 01:46:23 2015] [" + LONGEST + b"x:info] one more",
            b"[Fri Dec 20 01:46:23.12345678  2015] [error] a fraction that ends with a blank",
            b"[Fri Dec  : 01:46:23 2015] [error] no digit after the blank of a day",
            b"[Fri Dec 20 01:46:23 2015] [\0error] a level with a byte too many",
        ),
    ),
    "apache_iso": (
        {"name": "apache_error", "error_log_format": r"[%{cu}t] [%-m:%l] [pid %P:tid %T] [client\ %a] %E: %M"},
        (b"[2026-01-20 10:00:00.123456] [core:error] [pid 1:tid 2] [client 1.2.3.4:5] AH01: x", b"[2026-01-20 10:00:00] [ssl:warn] x"),
    ),
    "nginx_error": (
        "nginx_error",
        (
            b'2026/01/20 10:00:00 [error] 12345#678: *90 open() "/x" failed (2: No such file or directory)',
            b"2026/01/20 10:00:00 [notice] 1#1: start",
        ),
    ),
    "syslog_rfc3164": (
        "syslog_rfc3164",
        (
            b"<187>Jan 20 09:11:00 web1 sshd[18154]: Failed password for root",
            b"Dec 31 23:59:59 web1 kernel: x",
            b"Feb 29 09:11:00 web1 cron[1]: x",
            b"2026-01-20T09:11:00.123+01:00 web1 app: x",
            b"<13>Feb  1 09:11:00 h " + b"t" * 64 + b": x",
        ),
    ),
    "syslog_rfc5424": (
        "syslog_rfc5424",
        (
            b'<165>1 2026-01-20T09:11:00.003Z web1 app 123 ID47 [exampleSDID@32473 iut="3" x="\\]"] message',
            b"<11>1 - - - - - - no time",
            b"<34>1 2026-01-20T09:11:00+01:00 h a - - -",
        ),
    ),
    "ecs": (
        "ecs",
        (
            b'{"@timestamp":"2026-01-20T09:11:00.003Z","log.level":"ERROR","message":"boom"}',
            b'{"@timestamp":"2026-01-20 09:11:00","log":{"level":"warn"},"message":null,"x":[1,2.5e3,{"y":"\\u00e9"}]}',
            b'{"log":"{\\"level\\":\\"error\\"}","@timestamp":"2026-01-20T09:11:00Z","message":"nested text"}',
        ),
    ),
    "json_unix": (
        {"name": "json", "time": "ts", "time_format": "unix", "service": "svc", "default_level": "info"},
        (
            b'{"ts":1768900000.123,"level":"error","svc":" shop ","message":"x"}',
            b'{"ts":"1768900000","level":50}',
            b'{"ts":-1.5e3,"svc":17}',
        ),
    ),
    "json_filebeat": (
        {"name": "apache_error", "container": "filebeat"},
        (b'{"@timestamp":"2026-01-20T09:11:00Z","message":"[Fri Dec 20 01:46:23 2015] [error] x\\n","host":{"name":"a"}}',),
    ),
    "docker_cri": (
        {
            "name": "pattern",
            "pattern": "%{time} %{level} %{logger}: %{message}",
            "time_format": "%Y-%m-%d %H:%M:%S,%f",
            "container": ["cri", "compose"],
        },
        (
            b"2026-01-20T09:11:00.1Z stderr F web-1  | 2026-01-20 09:11:00,123 WARNING app.db: slow",
            b"x stdout P a|2026-01-20 09:11:00,1 error : y",
        ),
    ),
    "logback": (
        {"name": "pattern", "pattern": "%{time} [%{thread}] %{level} %{logger} - %{message}", "time_format": "%Y-%m-%d %H:%M:%S,%f"},
        (b"2026-01-20 09:11:00,123 [main] ERROR com.example.App - boom", b"2026-01-20 09:11:00,123 [x] INFO   a - "),
    ),
    "optional_service": (
        {"name": "pattern", "pattern": "%{time} %{level} %(<%{service}> %)%{message}", "levels": {"OOPS": "crit"}},
        (b"2026-01-20T09:11:00.5Z ERROR <shop> boom", b"2026-01-20 09:11:00 +0100 oops no service", b"2026-01-20 09:11:00,5 -05 warn <> x"),
    ),
    "two_digits": (
        {"name": "pattern", "pattern": "%{time} %{level} %{logger}: %{message}", "time_format": "%y/%m/%d %H:%M:%S"},
        (b"15/09/01 18:16:44 INFO executor.Executor: Finished task", b"69/02/29 18:16:44 ERROR x: y"),
    ),
    "seconds": (
        {"name": "pattern", "pattern": "%{time} %{level} %{message}", "time_format": "%s.%f"},
        (b"1768900000.123 ERROR x", b"99999999999.1 info y"),
    ),
    "offset_without_year": (
        {"name": "pattern", "pattern": "%{time} %{level} %{message}", "time_format": "%b %d %H:%M:%S %z"},
        (b"Jan 20 09:11:00 +0530 error x", b"Dec 31 23:59:59 -0230 info y", b"Jan 01 00:30:00 Z warn z", b"Jan 20 09:11:00 +2460 error x"),
    ),
    "in_syslog": (
        {"name": "apache_error", "container": "syslog_rfc3164"},
        (
            b"<187>Jan 20 09:11:00 web1 httpd[18154]: [Fri Dec 20 01:46:23 2015] [error] x",
            b"<999>Jan 20 09:11:00 web1 httpd:   [Fri Dec 20 01:46:23 2015] [error] x ",
            b"2026-01-20T09:11:00Z web1 [Fri Dec 20 01:46:23 2015] [error] x",
        ),
    ),
    "in_syslog_5424": (
        {"name": "apache_error", "container": "syslog_rfc5424"},
        (
            b"<165>1 2026-01-20T09:11:00.003Z web1 app 123 ID47 - [Fri Dec 20 01:46:23 2015] [error] x",
            b"<999>1 2026-01-20T09:11:00.003Z web1 app 123 ID47 -  [Fri Dec 20 01:46:23 2015] [error] x ",
            b"<34>1 - h a - - -",
        ),
    ),
    "no_continuations": ({"name": "nginx_error", "continuations": False}, (b"2026/01/20 10:00:00 [error] 1#1: x",)),
}


@pytest.mark.parametrize("name", FORMATS)
def test_the_job_and_the_recount_agree(spark: SparkSession, name: str) -> None:
    line_format, good = FORMATS[name]
    agree(spark, CountsOptions(line_format=line_format), spoiled((*good, *TRACE), N))


def test_they_agree_on_times_that_occur_twice_or_never(spark: SparkSession) -> None:
    for zone, good in ZONES.items():
        agree(spark, CountsOptions(time_zone=zone), spoiled(good, N // 2))


def spoiled(lines: Sequence[bytes], n: int) -> list[Record]:
    return [(b"web", line) for line in dict.fromkeys(mutated(lines, n, SEED))]


def test_they_agree_on_which_service_has_which_format_and_zone(spark: SparkSession) -> None:
    services = {
        "proxy": {"line_format": "nginx_error", "time_zone": "Asia/Tokyo"},
        "shop": {"line_format": FORMATS["optional_service"][0]},
        "unknown": {"time_zone": "America/Los_Angeles"},
        "ünï": {"line_format": {"name": "ecs", "service": "svc"}},
    }
    options = CountsOptions(time_zone="Europe/Berlin", services=services)
    lines = [line for name in ("apache_error", "nginx_error", "optional_service", "ecs", "json_unix") for line in FORMATS[name][1]]
    keys = (None, b"", b"unknown", b"proxy", b"proxy2", b"shop", "ünï".encode(), b"\xff", b"shop" + b"x" * 300)
    agree(spark, options, [(key, line) for key in keys for line in lines])


def test_they_agree_on_signatures(spark: SparkSession) -> None:
    own = {"shop": {"signatures": {"mask": ["blue", "green"], "mask_after": ["tenant", "order id"], "without": ["host", "quoted"]}}}
    options = CountsOptions(services=own, signatures={"keep": ["web7", "/health"]})
    head = "[Fri Dec 20 01:46:23 2015] [error]"
    short = [f"{head}{tags} {message}".encode() for tags in ("", " [pid 7]", " [client x]") for message, _ in VECTORS]
    lines = [*dict.fromkeys(mutated(short, N, SEED)), *(f"{head} {message}".encode() for message in HOSTILE)]
    agree(spark, options, [(key, line) for line in lines for key in (b"web", b"shop")])


def test_they_agree_on_words_in_any_company(spark: SparkSession) -> None:
    """The native engine keeps words that no rule masks. A word is first seen in one company, and then in each other."""
    before = [*" (:=<'\"[/-.", "user ", "Mon, "]
    own = {"keep": ["not"], "mask": ["ok"], "mask_after": ["for"], "without": ["date"]}
    for n, word in enumerate(WORDS):
        lines = [f"[Fri Dec 20 01:46:23 2015] [error] x {a}{word}{b}{z}".encode() for a in before for b in BEHIND for z in ("", " z")]
        Random(SEED).shuffle(lines)
        options = CountsOptions(signature_cap=200 + n, signatures=own if n % 2 else {})  # another plan, which knows no words yet
        agree(spark, options, [(b"web", line) for line in [*lines, *reversed(lines), b"x"]])


def agree(spark: SparkSession, options: CountsOptions, records: Sequence[Record]) -> None:
    engines = by_spark(spark, options, records), by_the_native_engine(spark, options, records)
    again = by_the_native_engine(spark, options, records[::-1])  # with what the engine keeps from batch to batch
    same(records, "native", engines[1], "again ", again[::-1])
    same(records, "spark ", engines[0], "native", engines[1])
    same(records, "job    ", [one if isinstance(one, str) else one[:3] for one in engines[0]], "recount", by_the_recount(options, records))
    assert {type(one) for one in engines[0]} == {str, tuple}, "some lines count, and some do not"


def same(records: Sequence[Record], first: str, one: Sequence[Any], second: str, other: Sequence[Any]) -> None:
    different = [(record, a, b) for record, a, b in zip(records, one, other, strict=True) if a != b]
    assert not different, "\n".join(f"{record!r}\n    {first}: {a}\n    {second}: {b}" for record, a, b in different[:10])


def by_the_native_engine(spark: SparkSession, options: CountsOptions, records: Sequence[Record]) -> list[Any]:
    lines = json.dumps([[None if key is None else b64encode(key).decode(), b64encode(line).decode(), NOW] for key, line in records])
    jvm: Any = spark._jvm
    found = json.loads(jvm.weir.counting.Engine.read(native.plan(options, {}), lines))
    return [native.REASONS[one] if isinstance(one, int) else (one[0], one[1], named(b64decode(one[2])), one[3]) for one in found]


def by_spark(spark: SparkSession, options: CountsOptions, records: Sequence[Record]) -> list[Any]:
    arrived = datetime.fromtimestamp(NOW / 1000, UTC)
    rows = [(n, key, line, arrived, 1) for n, (key, line) in enumerate(records)]
    judged = Plan(options).judged(spark.createDataFrame(rows, SCHEMA).repartition(2))
    wanted = judged.select("n", "reason", "event_ms", "level", reading.service(options).alias("of"), "signature")
    found = {n: (event_ms, level, named(of), sig) if reason is None else reason for n, reason, event_ms, level, of, sig in wanted.collect()}
    return [found[n] for n in range(len(records))]


def by_the_recount(options: CountsOptions, records: Sequence[Record]) -> list[Any]:
    read = reader(Rules("job", "logs", time_zone=options.time_zone, line_format=options.line_format, services=options.services))
    found = [(key, read(key, line, NOW)) for key, line in records]
    return [one if isinstance(one, str) else (one[0], one[1], one[2] or service_of(key)) for key, one in found]


def named(key: bytes) -> str:
    return bytes(key).decode(errors="replace") if key else "unknown"
