"""How a driver says why it ends."""

from __future__ import annotations

import pytest

from spark_jobs.contract import Exit
from spark_jobs.error_counts.job import explain
from spark_jobs.writer import Broken, Diverged, Superseded


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (Superseded("attempt 3"), Exit.SUPERSEDED),
        (Diverged("batch 7"), Exit.DIVERGED),
        (Broken("batch 7 does not add up"), Exit.FAILED),
        (ValueError("a line nobody thought of"), Exit.FAILED),
        (ConnectionRefusedError("[Errno 111] Connection refused"), Exit.LOST),
        (RuntimeError("Job aborted: ExecutorLostFailure (executor 0 exited)"), Exit.LOST),
        (RuntimeError("org.apache.kafka.common.errors.TimeoutException: Timed out waiting for a node"), Exit.LOST),
    ],
)
def test_an_outage_is_told_from_a_failure(failure: Exception, reason: Exit) -> None:
    assert explain(failure)[0] is reason


def test_the_text_names_what_happened() -> None:
    assert explain(ValueError("a line nobody thought of"))[1] == "ValueError: a line nobody thought of"
