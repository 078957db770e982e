"""The masking rules: their own examples, and Spark's regular expressions against Python's."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import reduce

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from spark_jobs.counts.signature import LONGEST, LONGEST_MESSAGE, MASK, PATTERN, RULES, Rule, stages

VECTORS = [
    ("mod_jk child workerEnv in error state 6", "mod_jk child workerEnv in error state *"),
    ("Directory index forbidden by rule: /home/raj/", "Directory index forbidden by rule: *"),
    ("jk2_init() Found child 6725 in scoreboard slot 10", "jk2_init() Found child * in scoreboard slot *"),
    ("workerEnv.init() ok /etc/httpd/conf/workers2.properties", "workerEnv.init() ok *"),
    ("AH01630: client denied by server configuration: /var/www", "AH01630: client denied by server configuration: *"),
    ("(13)Permission denied: [client ::1:5] and/or x86_64", "(*)Permission denied: [client ::*] and/or x86_64"),
    ("2001:db8::1 and 10.1.2.3:443, fe80::1", "* and *, *"),
    ("at 0x7ffe1234 (deadbeef) deadbeef1", "at * (deadbeef) *"),
    ("C:\\inetpub\\x.asp -1 50% 1,234.5", "C:* -* *% *"),
    ("caf\u00e95 \u4e2d1\u4e2d", "caf\u00e9* \u4e2d*\u4e2d"),
    ("", ""),
    ("*", "*"),
    (None, ""),
]


def signatures(spark: SparkSession, messages: Sequence[str | None]) -> list[str]:
    frame = spark.createDataFrame(list(enumerate(messages)), "n int, message string")
    signed = reduce(lambda df, stage: df.withColumns(stage), stages(), frame)
    return [row.signature for row in signed.orderBy("n").select("signature").collect()]


def test_the_vectors(spark: SparkSession) -> None:
    assert signatures(spark, [message for message, _ in VECTORS]) == [signature for _, signature in VECTORS]


@pytest.mark.parametrize("rule", RULES, ids=[rule.name for rule in RULES])
def test_each_rule_on_its_example(rule: Rule) -> None:
    assert re.sub(PATTERN, MASK, rule.example, flags=re.ASCII) == rule.masked


def test_long_messages_are_cut_between_characters(spark: SparkSession) -> None:
    long = "\u00e9" * 5000
    assert signatures(spark, [long, "a " * 5000 + "7"]) == [long[:LONGEST], ("a " * LONGEST_MESSAGE)[:LONGEST]]


TEXT = st.text(st.sampled_from("aefg019_ :./\\-[]()%*'\"\t\u00e9\u4e2d\U0001f600"), max_size=60)


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(TEXT, min_size=100, max_size=200))
def test_java_and_python_mask_alike(spark: SparkSession, messages: list[str]) -> None:
    masked = signatures(spark, messages)
    assert masked == [re.sub(PATTERN, MASK, message, flags=re.ASCII)[:LONGEST] for message in messages]


@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(TEXT, min_size=50, max_size=100))
def test_numbers_do_not_tell_messages_apart(spark: SparkSession, messages: list[str]) -> None:
    before, after = (signatures(spark, [f"{message} {n}" for message in messages]) for n in (7, 4711))
    assert before == after
