"""Talk to Cassandra, and wait out outages. Every statement here may be repeated: writes are idempotent, swaps read back."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from cassandra import ConsistencyLevel, CoordinationFailure, OperationTimedOut, Timeout, Unavailable
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, NoHostAvailable
from cassandra.concurrent import execute_concurrent
from cassandra.connection import ConnectionException
from cassandra.policies import ConstantReconnectionPolicy, DCAwareRoundRobinPolicy, FallthroughRetryPolicy, TokenAwarePolicy
from cassandra.protocol import IsBootstrappingErrorMessage, OverloadedErrorMessage, RequestExecutionException
from cassandra.query import BatchStatement, BatchType

from spark_jobs.runtime.contract import CassandraAddress

T = TypeVar("T")
LOG = logging.getLogger(__name__)


class CasWriteUnknown(RequestExecutionException):  # type: ignore[misc]  # the client has no types
    """Cassandra's answer if a transaction may have been applied (https://issues.apache.org/jira/browse/CASSANDRA-15350).

    The client has no class for it and raised a bare message, which was not recognized as an outage. Defining the class registers it.
    """

    summary = "Outcome of the transaction unknown"
    error_code = 0x1700


BUSY = (OverloadedErrorMessage, IsBootstrappingErrorMessage)  # the answers of a node that is too busy, or still starting
OUTAGE = (NoHostAvailable, OperationTimedOut, Unavailable, Timeout, CoordinationFailure, ConnectionException, CasWriteUnknown, *BUSY)
ROWS_PER_BATCH = 100  # one process: 4,500 rows/s as single inserts, 17,800 rows/s in single-partition batches of 100
IN_FLIGHT = 32
# The server warns of `USE` at every prepared statement; one keyspace is all that a session here uses.
logging.getLogger("cassandra.protocol").setLevel(logging.ERROR)


class OutOfPatience(Exception):
    """The store did not answer within the patience that the caller had."""


class Session:
    """Prepared statements at LOCAL_QUORUM and LOCAL_SERIAL (the driver's default is LOCAL_ONE). `patience_s` None waits for ever."""

    def __init__(self, address: CassandraAddress, patience_s: float | None) -> None:
        self.patience_s = patience_s
        self._cluster, self._session = self.patiently("connect", lambda: _connected(address))
        self._prepared: dict[str, Any] = {}

    def close(self) -> None:
        self._cluster.shutdown()

    def run(self, cql: str) -> None:
        """Run one statement as it is, for changes of the schema."""
        self.patiently(cql, lambda: self._session.execute(cql, timeout=60.0))

    def execute(self, cql: str, *values: Any) -> list[Any]:
        """Run one statement and return its rows."""
        return list(self.patiently(cql, lambda: list(self._session.execute(self._statement(cql), values))))

    def stream(self, cql: str, *values: Any) -> Iterator[Any]:
        """Run one statement and yield its rows page by page, for results that may not fit into memory."""
        return iter(self.patiently(cql, lambda: self._session.execute(self._statement(cql), values)))

    def begin(self, cql: str, values: Sequence[Any], timeout_s: float) -> Any:
        """Begin one statement: `result()` of what is returned has its rows, or raises one of OUTAGE. Nothing is tried again."""
        return self._session.execute_async(self._statement(cql), values, timeout=timeout_s)

    def serial(self, cql: str, *values: Any) -> list[Any]:
        """Read at serial consistency: see, and complete, every transaction that began before."""

        def run() -> list[Any]:
            bound = self._statement(cql).bind(values)
            bound.consistency_level = ConsistencyLevel.LOCAL_SERIAL
            return list(self._session.execute(bound))

        return self.patiently(cql, run)

    def swap(self, cql: str, values: Sequence[Any], applied: Callable[[], bool | None]) -> bool:
        """Run a lightweight transaction. If its outcome is unknown, `applied` reads it back: True, False, or None for "do it again".

        A plain "not applied" is final: another process may have made the very same change, and it was not this call.
        """
        unknown = False

        def run() -> bool:
            nonlocal unknown
            try:
                if self._session.execute(self._statement(cql), values).was_applied:
                    return True
            except OUTAGE as error:
                LOG.warning("outcome unknown, reading back: %s", error)
                unknown = True
            answer = applied() if unknown else False
            if answer is None:
                raise OperationTimedOut(f"transaction was not applied: {cql}")
            return answer

        return self.patiently(cql, run)

    def write_partitions(self, cql: str, partitions: Iterable[Sequence[Sequence[Any]]]) -> None:
        """Write many rows; each element of `partitions` holds the values of rows of one partition."""
        statement = self._statement(cql)
        batches = [
            (_batch(statement, rows[i : i + ROWS_PER_BATCH]), None) for rows in partitions for i in range(0, len(rows), ROWS_PER_BATCH)
        ]
        if batches:
            self.patiently(cql, lambda: execute_concurrent(self._session, batches, concurrency=IN_FLIGHT))

    def patiently(self, what: str, run: Callable[[], T]) -> T:
        """Run until it works. Raises OutOfPatience when there is a bound and it has passed."""
        deadline = None if self.patience_s is None else time.monotonic() + self.patience_s
        pause = 0.1
        while True:
            try:
                return run()
            except OUTAGE as error:
                if deadline is not None and time.monotonic() + pause > deadline:
                    raise OutOfPatience(f"Cassandra did not answer in {self.patience_s} s ({what}): {_by_host(error)}") from error
                LOG.warning("Cassandra does not answer, next try in %.1f s (%s): %s", pause, what, _by_host(error))
                time.sleep(pause)
                pause = min(pause * 2, 5.0)

    def _statement(self, cql: str) -> Any:
        if cql not in self._prepared:
            self._prepared[cql] = self._session.prepare(cql)
        return self._prepared[cql]


def _by_host(error: Exception) -> str:
    """Return the errors by host: the client's own text is only a tuple."""
    hosts = getattr(error, "errors", None)
    return "; ".join(f"{host}: {said}" for host, said in hosts.items()) if isinstance(hosts, dict) and hosts else str(error)


def _cluster(address: CassandraAddress) -> Any:
    auth = PlainTextAuthProvider(address.user, Path(address.password_file).read_text().strip()) if address.user else None
    profile = ExecutionProfile(
        load_balancing_policy=TokenAwarePolicy(DCAwareRoundRobinPolicy(address.datacenter)),
        consistency_level=ConsistencyLevel.LOCAL_QUORUM,
        serial_consistency_level=ConsistencyLevel.LOCAL_SERIAL,
        request_timeout=10.0,
        # The client's own policy sends what a dying node may have applied to the next one, a transaction, too, whose "not applied" was then
        # believed: a driver whose batch had landed ended as superseded. `patiently` tries again, and `swap` reads back first.
        retry_policy=FallthroughRetryPolicy(),
    )
    return Cluster(
        list(address.hosts),
        port=address.port,
        protocol_version=5,  # of Cassandra 4 and 5; a negotiation costs two connections and two warnings
        auth_provider=auth,
        execution_profiles={EXEC_PROFILE_DEFAULT: profile},
        reconnection_policy=ConstantReconnectionPolicy(1.0, max_attempts=None),  # a restarted node is used again within a second
        connect_timeout=5.0,
    )


def _connected(address: CassandraAddress) -> tuple[Any, Any]:
    """Open a cluster and its session. A cluster whose first connection failed cannot be used again: each try makes a new one."""
    cluster = _cluster(address)
    try:
        return cluster, cluster.connect(address.keyspace or None)
    except BaseException:
        cluster.shutdown()
        raise


def _batch(statement: Any, rows: Sequence[Sequence[Any]]) -> BatchStatement:
    batch = BatchStatement(BatchType.UNLOGGED, consistency_level=ConsistencyLevel.LOCAL_QUORUM)
    for row in rows:
        batch.add(statement, row)
    return batch
