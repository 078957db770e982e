"""Patterns of topics that may not keep the watch from other jobs."""

from __future__ import annotations

import time

import pytest

from weir.jobs.patterns import checked
from weir.ports.source import Subscription

LONGEST = "a" * 248 + "!"


@pytest.mark.parametrize(
    "pattern", ["logs-.*", r"logs\..+", "(prod|test)-logs", "(?!x).*", "logs(-eu)?", "a{2}-.*", "web_.*|app_.*", "(ab)+", "(a|b)*"]
)
def test_what_people_write_is_taken_and_quick(pattern: str) -> None:
    began = time.process_time()
    Subscription(pattern=checked(pattern)).reads(LONGEST)
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize("pattern", ["(a+)+b", "(a|ab)*c", "((a?))*b", "(a{1,3}){2}b", "(.*)*", ".*.*.*.*.*b", "(?:a*)*+", "(x(a+)*)"])
def test_what_may_take_for_ever_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="too long"):
        checked(pattern)


@pytest.mark.parametrize("pattern", ["(", "a{99999999999}", "(" * 5000, "[a-z&&[^b]]"])
def test_what_python_cannot_read_or_java_reads_in_another_way_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="Python and Java"):
        checked(pattern)
