"""Signatures: what is masked, and Spark's regular expression against the scanner over bytes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import reduce

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from spark_jobs.counts.signature import pattern, stages
from spark_jobs.counts.signature_rules import LONGEST, LONGEST_MESSAGE, SHIPPED, Changes
from tests.unit.counts.messages import HOSTILE, VECTORS
from weir.counts.signing import sign

CHANGED = Changes(keep=("web7", "/health"), mask=("blue", "green"), mask_after=("tenant", "order id"), without=("host", "quoted"))


def signatures(spark: SparkSession, messages: Sequence[str | None], changes: Changes = SHIPPED) -> list[str]:
    frame = spark.createDataFrame(list(enumerate(messages)), "n int, message string")
    signed = reduce(lambda df, stage: df.withColumns(stage), stages(changes), frame)
    return [row.signature for row in signed.orderBy("n").select("signature").collect()]


def test_the_vectors(spark: SparkSession) -> None:
    assert signatures(spark, [message for message, _ in VECTORS]) == [signature for _, signature in VECTORS]
    assert signatures(spark, [None]) == [""]


def test_long_messages_are_cut_between_characters(spark: SparkSession) -> None:
    long = "\u00e9" * 5000
    assert signatures(spark, [long, "a " * 5000 + "7"]) == [long[:LONGEST], ("a " * LONGEST_MESSAGE)[:LONGEST]]


PIECES = [
    *"aefgz019_$ :./\\-~+[]()<>{}|%*'\"\t\n\x00\x0b\x1c\x85\u00a0\u00e9\u4e2d\U0001f600,;&=@#!?",
    *(
        "user ",
        "User: ",
        "invalid user ",
        "password for ",
        "from ",
        "not",
        "msg=",
        "id=",
        " KB",
        " ms",
        "Jun ",
        "Mon, ",
        "http://",
        "C:\\",
        "::1",
    ),
    *(
        "web7",
        "/health",
        "blue",
        "tenant",
        "order id ",
        ".com",
        ".de",
        "AH01630: ",
        "f2()",
        "a.B2",
        "IPv6",
        '[data "',
        "* *",
        "* (*)",
        "<1 sec",
    ),
]
TEXT = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(TEXT, min_size=100, max_size=200), st.sampled_from([Changes(), CHANGED]))
def test_spark_and_the_scanner_agree(spark: SparkSession, messages: list[str], changes: Changes) -> None:
    assert signatures(spark, messages, changes) == [sign(message, changes) for message in messages]


def test_spark_and_the_scanner_agree_on_hostile_lines(spark: SparkSession) -> None:
    """64 KiB each: an expression that goes back would not end, and one that calls itself would overflow the stack."""
    assert signatures(spark, HOSTILE) == [sign(message) for message in HOSTILE]


def test_python_reads_the_expression_as_java_does() -> None:
    found = pattern()
    assert re.compile(found.expression).groups == found.groups


@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(TEXT, min_size=50, max_size=100))
def test_numbers_do_not_tell_messages_apart(spark: SparkSession, messages: list[str]) -> None:
    before, after = (signatures(spark, [f"{message} {n}" for message in messages]) for n in (7, 4711))
    assert before == after
