"""Cassandra: reachable, the keyspace and its tables, copies and nodes, the rights of this user, the clock."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any

from weir.cassandra.migrate import nodes_of, replication_of
from weir.cassandra.replication import copies_of, quorum
from weir.cassandra.store import CassandraStore
from weir.doctor.clocks import clock
from weir.doctor.line import Line, fine, unknown, wrong
from weir.errors import StoreBehind, TooFewNodes
from weir.factory import store
from weir.settings import Settings

WITHIN_S = 10.0


def cassandra(settings: Settings) -> Iterator[Line]:
    with closing(store(settings, WITHIN_S)) as found:
        yield fine("Cassandra", f"answers at {settings.cassandra_hosts}:{settings.cassandra_port}")
        yield from copies(
            settings.cassandra_keyspace,
            settings.cassandra_datacenter,
            replication_of(found.session, settings.cassandra_keyspace) or {},
            nodes_of(found.session, settings.cassandra_datacenter),
        )
        yield tables(list(found.pending()))
        yield from rights(found)
        yield clock("clock of Cassandra", _ahead_s(found.session))


def copies(keyspace: str, datacenter: str, replication: Mapping[str, str], nodes: int) -> Iterator[Line]:
    """Compare the copies of each row with the nodes of the data centre."""
    check, kept = f"keyspace {keyspace}", copies_of(replication, datacenter)
    if kept is None:
        yield unknown(check, f"its strategy {replication.get('class', '')} does not say how many copies it keeps")
    elif nodes < quorum(kept):
        told = f"{kept} copies of each row, and {nodes} node(s) in {datacenter}: a quorum of {quorum(kept)} never answers"
        yield wrong(check, told, f"Add nodes, or run: weir migrate --replication {max(1, nodes)}", TooFewNodes.code)
    elif kept == 0:
        yield wrong(check, f"no copies in {datacenter}", "Run: weir migrate --replication 3", TooFewNodes.code)
    elif kept == 1 < nodes:
        yield wrong(check, f"1 copy of each row on {nodes} nodes: a node that is down stops every job", "Run: weir migrate --replication 2")
    else:
        yield fine(check, f"{kept} cop{'y' if kept == 1 else 'ies'} of each row, {nodes} node{'' if nodes == 1 else 's'} in {datacenter}")


def tables(pending: list[str]) -> Line:
    if pending:
        return wrong("tables", f"this release needs {', '.join(pending)}", "Run: weir migrate", StoreBehind.code)
    return fine("tables", "those of this release")


def rights(found: CassandraStore) -> Iterator[Line]:
    """Read a row, and delete one that is not there: neither changes anything. Raises NotAuthorized, which names the right."""
    found.jobs()
    found.session.execute("DELETE FROM asked WHERE who = ? AND key = ? IF EXISTS", "weir doctor", "nothing")
    yield fine("rights in Cassandra", "may read and write")


def _ahead_s(session: Any) -> float:
    """Return by how much the node's clock is ahead, less the time of the answer."""
    began = time.time()
    told = session.execute("SELECT toUnixTimestamp(now()) AS ms FROM system.local")[0].ms / 1000
    ended = time.time()
    return float(told - ended if told > ended else min(0.0, told - began))
