"""A session with a Cassandra that is not there yet."""

from __future__ import annotations

import pytest

from spark_jobs.contract import CassandraAddress
from spark_jobs.session import OutOfPatience, Session


def test_it_goes_on_trying_as_long_as_it_has_patience(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(OutOfPatience, match="did not answer in 1"):
        Session(CassandraAddress(("127.0.0.1",), port=1), patience_s=1.0)
    assert sum("next try" in r.message for r in caplog.records) > 1
