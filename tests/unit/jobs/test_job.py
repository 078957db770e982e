"""How a driver says why it ends."""

from __future__ import annotations

import pytest

from spark_jobs.contract import CassandraAddress, Exit, JobArguments
from spark_jobs.error_counts import job
from spark_jobs.error_counts.job import explain
from spark_jobs.protocol import first_head, started, taken_over
from spark_jobs.writer import Broken, Diverged, Superseded
from weir.testing import MemoryStore


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


ARGS = JobArguments("counts", 1, 1, "v1", "file:///c", "kafka", "logs", CassandraAddress(("host",)))


@pytest.mark.parametrize(("replaced", "told"), [(False, Exit.LOST), (True, Exit.SUPERSEDED)])
def test_a_driver_that_was_replaced_while_it_slept_says_so(monkeypatch: pytest.MonkeyPatch, replaced: bool, told: Exit) -> None:
    """Its JVM has ended by the time that it wakes, which is not why it ends."""
    store = MemoryStore()
    first = first_head("counts", {0: 0}, "topic", 1)
    mine = started(taken_over(first), "me")
    store.create_head(taken_over(mine) if replaced else mine)
    monkeypatch.setattr(job.CassandraStore, "connect", lambda *args: store)
    assert job._last_words(ARGS, "me", Exit.LOST, "the JVM has ended", 7) is told
    assert store.attempts("counts")[0].exit_reason == told.name.lower()
