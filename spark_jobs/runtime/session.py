"""Talk to Cassandra, and wait out outages. Every statement here may be repeated: writes are idempotent, swaps read back."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from threading import Lock
from typing import Any, TypeVar

from cassandra import (
    AuthenticationFailed,
    ConsistencyLevel,
    CoordinationFailure,
    InvalidRequest,
    OperationTimedOut,
    Timeout,
    Unauthorized,
    Unavailable,
    UnresolvableContactPoints,
)
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, NoHostAvailable
from cassandra.concurrent import execute_concurrent
from cassandra.connection import ConnectionException, ConnectionShutdown
from cassandra.policies import ConstantReconnectionPolicy, DCAwareRoundRobinPolicy, FallthroughRetryPolicy, TokenAwarePolicy
from cassandra.protocol import IsBootstrappingErrorMessage, OverloadedErrorMessage, RequestExecutionException

from spark_jobs.runtime.contract import CassandraAddress
from spark_jobs.runtime.credentials import FreshTls, PasswordFile, password_of, speaks_tls
from spark_jobs.runtime.faults import BadFile, Cause, Fault, NoKeyspace, OutOfPatience, SpeaksTls, fault_of
from spark_jobs.runtime.row_batches import PROTOCOL, batches

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
# What is wrong with the way to the store, and not with a statement: all of it is waited for, some of it not for long.
AWAY = (*OUTAGE, UnresolvableContactPoints, AuthenticationFailed, Unauthorized, NoKeyspace, BadFile)
CLOSED = (ConnectionShutdown, ConnectionResetError, BrokenPipeError)  # what a server with TLS does to a client without
FIX_S = 60.0  # how long a driver waits for an operator: a password changes in Cassandra first and in the file a moment later
STUCK = 5  # failures in a row, 3 s, until a session connects anew: the client gives a node up for good that refused one login
IN_FLIGHT = 32
# The server warns of `USE` at every prepared statement; one keyspace is all that a session here uses.
logging.getLogger("cassandra.protocol").setLevel(logging.ERROR)


class Session:
    """Prepared statements at LOCAL_QUORUM and LOCAL_SERIAL (the driver's default is LOCAL_ONE).

    `patience_s` None waits for ever in an outage, and FIX_S for what an operator must fix. Otherwise the latter is raised at once.
    """

    def __init__(self, address: CassandraAddress, patience_s: float | None) -> None:
        self.patience_s, self._address = patience_s, address
        self._prepared: dict[str, Any] = {}
        self._renewing = Lock()
        self._session: Any = None
        self._cluster, self._session = self.patiently("connect", lambda: connected(address))

    def close(self) -> None:
        self._cluster.shutdown()

    def run(self, cql: str, what: str = "") -> None:
        """Run one statement as it is, for changes of schema and roles. Messages name `what` instead of a statement with a secret."""
        self.patiently(what or cql, lambda: self._session.execute(cql, timeout=60.0))

    def execute(self, cql: str, *values: Any) -> list[Any]:
        """Run one statement and return its rows."""
        return list(self.patiently(cql, lambda: list(self._session.execute(self._statement(cql), values))))

    def stream(self, cql: str, *values: Any) -> Iterator[Any]:
        """Run one statement and yield its rows page by page, for results that may not fit into memory."""
        found = self.patiently(cql, lambda: self._session.execute(self._statement(cql), values))
        while True:
            yield from found.current_rows
            if not found.has_more_pages:
                return
            self.patiently(cql, found.fetch_next_page)

    def begin(self, cql: str, values: Sequence[Any], timeout_s: float) -> Any:
        """Begin one statement: `result()` of what is returned has its rows, or raises one of AWAY. Nothing is tried again."""
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
        self.write_tables({cql: partitions})

    def write_tables(self, tables: Mapping[str, Iterable[Sequence[Sequence[Any]]]]) -> None:
        """Write rows to several tables concurrently, in no order. `tables` maps each statement to its partitions."""
        wanted = {cql: [rows for rows in partitions if rows] for cql, partitions in tables.items()}

        def run() -> None:
            found = [(batch, None) for cql, partitions in wanted.items() for batch in batches(self._statement(cql), partitions)]
            execute_concurrent(self._session, found, concurrency=IN_FLIGHT)

        if any(wanted.values()):
            self.patiently(next(iter(wanted)), run)

    def patiently(self, what: str, run: Callable[[], T]) -> T:
        """Run until it works. Raises OutOfPatience with what is wrong when there is a bound and it has passed."""
        began, to_fix, pause, failures = time.monotonic(), math.inf, 0.1, 0
        while True:
            used = self._session
            try:
                return run()
            except AWAY as error:
                failures += 1
                stuck = used is not None and failures % STUCK == 0 and isinstance(error, NoHostAvailable)
                fault, now = self._fault((self._renew(used) if stuck else None) or error, what), time.monotonic()
                to_fix = math.inf if fault.cause.passes else min(to_fix, now)
                left = self._until(began, to_fix) - now
                if left <= 0:
                    raise OutOfPatience(fault, now - began) from error
                pause = min(pause, left)
                LOG.warning("next try in %.1f s: %s: %s. %s", pause, fault.cause, fault.what, fault.next_step)
                time.sleep(pause)
                pause = min(pause * 2, 5.0)

    def _until(self, began: float, to_fix: float) -> float:
        """Return until when it is tried again. `to_fix` is since when an operator must fix something; infinite: nothing."""
        if self.patience_s is None:
            return to_fix + FIX_S
        return began + self.patience_s if to_fix == math.inf else to_fix

    def why(self, error: BaseException) -> str:
        """Return what is wrong, by one of AWAY."""
        return self._fault(error, "").what

    def _fault(self, error: BaseException, what: str) -> Fault:
        fault = fault_of(error, self._address, getattr(error, "datacenters", ()))
        return replace(fault, what=f"{fault.what} ({what})") if what and fault.cause is Cause.NO_ANSWER else fault

    def _renew(self, used: Any) -> BaseException | None:
        """Replace the session `used` by a new one, unless another thread did. Return why that fails: the client itself only says that it
        has no connection."""
        with self._renewing:
            if self._session is not used:
                return None
            try:
                cluster, session = connected(self._address)
            except AWAY as error:
                return error
            old, self._prepared = self._cluster, {}
            self._cluster, self._session = cluster, session
            old.shutdown()
            return None

    def _statement(self, cql: str) -> Any:
        if cql not in self._prepared:
            self._prepared[cql] = self._session.prepare(cql)
        return self._prepared[cql]


def _cluster(address: CassandraAddress) -> Any:
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
        [host.strip() for host in address.hosts],
        port=address.port,
        protocol_version=PROTOCOL,  # of Cassandra 4 and 5; a negotiation costs two connections and two warnings
        auth_provider=PasswordFile(address) if address.user else None,
        ssl_context=FreshTls(address) if address.tls else None,
        execution_profiles={EXEC_PROFILE_DEFAULT: profile},
        reconnection_policy=ConstantReconnectionPolicy(1.0, max_attempts=None),  # a restarted node is used again within a second
        connect_timeout=5.0,
    )


def connected(address: CassandraAddress) -> tuple[Any, Any]:
    """Open a cluster and its session. A cluster whose first connection failed cannot be used again: each try makes a new one."""
    if address.user:
        password_of(address.password_file, address.login)  # here it names the file; in the client's threads the server's name would be lost
    try:
        cluster = _cluster(address)
    except UnicodeError as error:  # a name that cannot be one: a label that is empty, or longer than 63 bytes
        raise UnresolvableContactPoints({}) from error
    try:
        session = cluster.connect()
        _use(session, address.keyspace)
        return cluster, session
    except BaseException as error:
        error.datacenters = _datacenters(cluster)  # type: ignore[attr-defined]
        cluster.shutdown()
        if not address.tls and (closed := _closed_by(error)):
            raise NoHostAvailable(str(error), closed) from error
        raise


def _use(session: Any, keyspace: str) -> None:
    """Set the keyspace. Not with `connect`, whose error does not tell a missing keyspace from a dead node. Raises NoKeyspace."""
    try:
        if keyspace:
            session.set_keyspace(keyspace)
    except InvalidRequest as error:
        raise NoKeyspace(str(error)) from error


def _datacenters(cluster: Any) -> frozenset[str]:
    """Return the data centres of the nodes that are known. The client says of a wrong one only that it could not connect."""
    return frozenset(host.datacenter for host in cluster.metadata.all_hosts() if host.datacenter)


def _closed_by(error: BaseException) -> dict[str, SpeaksTls]:
    """Return the servers that closed the connection without a reason and speak TLS."""
    errors = getattr(error, "errors", None)
    closed = [str(server) for server, why in errors.items() if isinstance(why, CLOSED)] if isinstance(errors, dict) else []
    return {server: SpeaksTls() for server in closed if speaks_tls(*_split(server))}


def _split(server: str) -> tuple[str, int]:
    host, _, port = server.rpartition(":")
    return host, int(port)
