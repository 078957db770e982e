"""A rejected line, parsed again by what a driver would run now."""

from __future__ import annotations

from dataclasses import replace

from pyspark.sql import SparkSession

from spark_jobs.counts.cells import SAMPLE_BYTES, RejectedLine
from spark_jobs.counts.reparse import Outcome, outcomes

from .test_transform import OPTIONS, at

TEN = 1_783_936_800_000  # 2026-07-13T10:00:00Z
LINES = {
    b"": Outcome("empty", None, None),
    b"caf\xe9": Outcome("not_utf8", None, None),
    b"no log line": Outcome("not_a_log_line", None, None),
    b"[Mon Feb 30 10:00:00 2026] [error] x": Outcome("bad_time", None, None),
    at(7, "notice"): Outcome(None, "notice", TEN + 7000),
    at(0).replace(b"2026", b"2099"): Outcome("future", None, None),
}


def sample(value: bytes, append_ms: int | None = TEN) -> RejectedLine:
    return RejectedLine("logs", 0, 0, "web", "whatever", value, append_ms)


def test_each_sample_has_the_outcome_of_its_line(spark: SparkSession) -> None:
    assert outcomes(spark, OPTIONS, [sample(value) for value in LINES]) == list(LINES.values())


def test_the_rules_are_those_of_the_spec(spark: SparkSession) -> None:
    line = sample(at(0), TEN - 2 * 3_600_000)
    assert outcomes(spark, OPTIONS, [line])[0].reason == "future"
    assert outcomes(spark, replace(OPTIONS, future_skew_s=3 * 3600), [line])[0].level == "error"
    assert outcomes(spark, replace(OPTIONS, time_zone="Asia/Kolkata"), [line])[0].event_ms == TEN - 19_800_000


def test_a_sample_without_its_append_time_is_not_judged_by_it(spark: SparkSession) -> None:
    assert outcomes(spark, OPTIONS, [sample(at(0).replace(b"2026", b"2099"), None)])[0].level == "error"


def test_a_sample_that_fills_its_room_is_told_to_be_cut() -> None:
    assert sample(b"x" * SAMPLE_BYTES).cut and not sample(b"x" * (SAMPLE_BYTES - 1)).cut
