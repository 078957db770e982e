"""A session with a Cassandra that is not there yet, or does not know what became of a statement."""

from __future__ import annotations

from io import BytesIO
from types import SimpleNamespace

import pytest
from cassandra.cluster import EXEC_PROFILE_DEFAULT
from cassandra.policies import RetryPolicy
from cassandra.protocol import ErrorMessage

from spark_jobs.runtime.contract import CassandraAddress
from spark_jobs.runtime.session import OUTAGE, OutOfPatience, Session, _cluster


def test_it_goes_on_trying_as_long_as_it_has_patience(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(OutOfPatience, match="did not answer in 1"):
        Session(CassandraAddress(("127.0.0.1",), port=1), patience_s=1.0)
    assert sum("next try" in r.message for r in caplog.records) > 1


def test_a_transaction_of_unknown_outcome_is_read_back() -> None:
    """As the bytes that Cassandra sends: the code, a message, and what the coordinator knows."""
    sent = BytesIO((0x1700).to_bytes(4, "big") + b"\x00\x07CAS ...")
    assert isinstance(ErrorMessage.recv_body(sent, protocol_version=5), OUTAGE)


def test_nothing_is_sent_to_another_node_behind_the_callers_back() -> None:
    policy = _cluster(CassandraAddress(("127.0.0.1",))).profile_manager.profiles[EXEC_PROFILE_DEFAULT].retry_policy
    gone = SimpleNamespace(consistency_level=1)
    assert policy.on_request_error(gone, 1, ConnectionError("the node died"), 0)[0] == RetryPolicy.RETHROW
    assert policy.on_write_timeout(gone, 1, "CAS", 2, 1, 0)[0] == RetryPolicy.RETHROW
