"""`weir migrate` on a real node: the keyspace as it is named, and copies that the nodes can keep."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from spark_jobs.runtime.session import Session
from weir.addresses import address
from weir.cassandra.migrate import migrate
from weir.cassandra.store import CassandraStore
from weir.errors import NotRunning, TooFewNodes
from weir.settings import Settings

pytestmark = pytest.mark.stack


@pytest.fixture
def session(real_cassandra: Settings) -> Iterator[Session]:
    found = Session(replace(address(real_cassandra), keyspace=""), 30.0)
    yield found
    found.close()


def keyspaces(session: Session) -> dict[str, Any]:
    rows = session.execute("SELECT keyspace_name, replication FROM system_schema.keyspaces")
    return {row.keyspace_name: dict(row.replication) for row in rows}


def test_a_keyspace_is_the_one_that_is_named(real_cassandra: Settings, session: Session) -> None:
    """Without quotes `Weir2` was `weir2`: another one was migrated, and then none was found."""
    settings = replace(real_cassandra, cassandra_keyspace=f"Weir_{uuid4().hex[:8].upper()}")
    before = set(keyspaces(session))
    assert migrate(settings).applied
    assert set(keyspaces(session)) - before == {settings.cassandra_keyspace}
    assert migrate(settings).applied == []
    store = CassandraStore.connect(address(settings), 30.0)
    assert (list(store.pending()), list(store.jobs())) == ([], [])
    store.close()


def test_copies_that_one_node_cannot_keep_are_refused_before_anything_is_created(real_cassandra: Settings, session: Session) -> None:
    before = keyspaces(session)
    for wanted in (3, None):
        with pytest.raises(TooFewNodes, match=r"has 1 node, .* --replication 1"):
            migrate(replace(real_cassandra, cassandra_keyspace=f"weir_{uuid4().hex[:8]}"), wanted)
    assert keyspaces(session) == before


def test_the_copies_of_a_keyspace_that_is_there_change(real_cassandra: Settings, session: Session) -> None:
    settings = replace(real_cassandra, cassandra_keyspace=f"weir_{uuid4().hex[:8]}")
    name = settings.cassandra_keyspace
    session.run(f"CREATE KEYSPACE {name} WITH replication = {{'class': 'NetworkTopologyStrategy', 'datacenter1': 3}}")
    with pytest.raises(TooFewNodes, match="quorum of 2 can never answer"):
        migrate(settings, None)
    done = migrate(settings, 1)
    assert done.applied and f"nodetool cleanup {name}" in done.told
    assert keyspaces(session)[name]["datacenter1"] == "1"
    assert migrate(settings, None).told == ""


def test_a_port_where_nothing_listens_is_an_outage(real_cassandra: Settings) -> None:
    with pytest.raises(NotRunning):
        migrate(replace(real_cassandra, cassandra_port=1), 3, patience_s=0.1)
