"""The recount's own parser."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drill.generator import BAD_LINES, Generator, Mix
from tests.spark.oracle import judge
from weir.counts.lines import parser, service_of
from weir.counts.rules import Rules
from weir.errors import BadInput
from weir.times import parse_time

NOW = parse_time("2026-01-31T12:00:00Z")
RULES = Rules("job", "logs")
parse = parser(RULES)


@pytest.mark.parametrize(
    ("line", "time", "level"),
    [
        (b"[Fri Dec 20 01:46:23 2015] [ERROR] [client 1.2.3.4] Directory index forbidden", "2015-12-20T01:46:23Z", "error"),
        (b"[Fri Sep 09 10:42:29.902022 2011] [core:error] [pid 35708:tid 4328636416] x", "2011-09-09T10:42:29.902Z", "error"),
        (b"[Sun Dec 04 04:47:44 2005] [notice] workerEnv.init() ok", "2005-12-04T04:47:44Z", "notice"),
        (b"[Mon Mar  2 04:47:44 2015] [:error] padded by a blank", "2015-03-02T04:47:44Z", "error"),
        (b"[Xxx Feb 29 00:00:00 2016] [ssl:Trace8] the weekday is not checked", "2016-02-29T00:00:00Z", "trace8"),
        (b"[Fri Dec 20 01:46:23.1 2015] [crit] \xc3\xa9", "2015-12-20T01:46:23.100Z", "crit"),
    ],
)
def test_lines_that_count(line: bytes, time: str, level: str) -> None:
    assert parse(line, NOW) == (parse_time(time), level)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (None, "empty"),
        (b"", "empty"),
        (b"[Fri Dec 20 01:46:23 2015] [error] caf\xe9", "not_utf8"),
        (b"    at org.example.Main(Main.java:17)", "continuation"),
        (b"java.lang.IllegalStateException: boom", "continuation"),
        (b"Error: boom", "not_a_log_line"),
        (b"\t[Fri Dec 20 01:46:23 2015] [error] indented", "not_a_log_line"),
        (b"[Fri Dec 20 01:46:23 2015] [shouting] no such level", "not_a_log_line"),
        (b"[Tue Feb 30 10:00:00 2016] [error] no such day", "bad_time"),
        (b"[Thu Dec 31 23:59:60 2015] [error] a leap second", "bad_time"),
        (b"[Thu Jan 01 00:00:00 0000] [error] no such year", "bad_time"),
        (b"[Thu Jan 01 00:00:00 2099] [notice] a clock gone wrong", "future"),
    ],
)
def test_lines_that_are_rejected(line: bytes | None, reason: str) -> None:
    assert parse(line, NOW) == reason


def test_what_is_too_long_is_not_looked_at() -> None:
    line = b"[Fri Dec 20 01:46:23 2015] [error] ".ljust(65_536, b"x")
    assert parse(line, NOW) == (parse_time("2015-12-20T01:46:23Z"), "error")
    assert parse(line + b"x", NOW) == "too_long"


def test_what_the_generator_calls_bad_is_rejected_for_the_same_reason() -> None:
    for reason, line in BAD_LINES:
        assert parse(line, NOW) == reason


def test_the_generators_own_truth_is_found_again() -> None:
    generator, seen, bad = Generator(11, NOW, Mix(bad_share=0.05)), Counter[tuple[int, str, str]](), Counter[str]()
    for service, line in (pair for block in generator.blocks(20_000) for pair in block):
        parsed = parse(line, NOW + 3_600_000)
        if isinstance(parsed, str):
            bad[parsed] += 1
        else:
            seen[parsed[0] - parsed[0] % 10_000, service_of(service), parsed[1]] += 1
    truth = Counter[tuple[int, str, str]]()
    for (pane, service, level, _), n in generator.truth.panes.items():
        truth[pane, service, level] += n
    assert (seen, bad) == (truth, generator.truth.rejected)


def test_services() -> None:
    assert [service_of(key) for key in (None, b"", b"web", b"\xff", b"x" * 300)] == ["unknown", "unknown", "web", "\ufffd", "x" * 256]


TEXT = st.sampled_from(
    [b"[", b"]", b" ", b"] [", b"Fri", b"Dec", b"dec", b"20", b" 2", b"01:46:23", b"24:00:00", b".1", b".123456789", b".", b"2015", b"0000",
     b"[Fri Dec 20 01:46:23", b" 2015] [", b"error", b"core:", b"ERROR]", b"x" * 63, b"\xc3\xa9", b"\xff", b":", b"trace9", b"Feb 30"]
)  # fmt: skip


@given(st.lists(TEXT, max_size=9).map(b"".join))
@settings(max_examples=500)
def test_the_job_and_the_recount_were_told_the_same_rules(line: bytes) -> None:
    """Against the description that the job's own tests are written from; which of two reasons is named first may differ."""
    verdict, parsed = judge(line, NOW), parse(line, NOW)
    parsed = "not_a_log_line" if parsed == "continuation" else parsed  # the description of the oracle has none
    assert parsed == (verdict.reason or (verdict.event_ms, verdict.level)) or {parsed, verdict.reason} == {"not_a_log_line", "bad_time"}


def test_the_future_begins_after_the_skew() -> None:
    line = b"[Sat Jan 31 13:00:00 2026] [error] x"
    assert parse(line, NOW) == (NOW + RULES.future_skew, "error")
    assert parse(line, NOW - 1) == "future"


def test_time_zones_and_summer_time() -> None:
    berlin = parser(Rules("job", "logs", time_zone="Europe/Berlin"))
    twice = b"[Sun Oct 26 02:30:00 2025] [error] occurs twice"
    never = b"[Sun Mar 30 02:30:00 2025] [error] never occurs"
    assert berlin(twice, NOW) == (parse_time("2025-10-26T00:30:00Z"), "error")
    assert berlin(never, NOW) == (parse_time("2025-03-30T01:30:00Z"), "error")


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weir.counts.parsers.times.REMEMBERED", 2)
    one = parser(RULES)
    lines = [b"[Fri Dec 20 01:46:%02d 2015] [error] x" % s for s in range(10)]
    assert [one(line, NOW) for line in lines] == [parse(line, NOW) for line in lines]


def test_a_format_of_another_release_is_refused() -> None:
    with pytest.raises(BadInput, match="line_format: klingon cannot be recounted"):
        parser(Rules("job", "logs", line_format="klingon"))
