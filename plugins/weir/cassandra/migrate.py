"""Migrations of the Cassandra schema: each file is applied once, in order, and must never change afterwards."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from spark_jobs.runtime.session import Session
from weir.addresses import address
from weir.cassandra.replication import USUAL, advice, altered, check_room, check_step, copies_of
from weir.cassandra.session import PatientSession
from weir.cassandra.tables import Tables
from weir.errors import StackFailed
from weir.settings import Settings

MIGRATIONS = Path(__file__).parent / "migrations"


@dataclass(frozen=True)
class Migrated:
    """`applied` are the files that were applied now. `told` is what was changed in a keyspace that was there, and what to run on its nodes;
    empty if nothing."""

    applied: Sequence[str]
    told: str = ""


class Schema(Tables):
    def pending(self) -> Sequence[str]:
        applied = {r.name for r in self.session.execute("SELECT name FROM migration")}
        return sorted(file.name for file in MIGRATIONS.glob("*.cql") if file.name not in applied)


def migrate(settings: Settings, replication: int | None = 1, patience_s: float = 120.0) -> Migrated:
    """Migrate the schema to the newest version, in a keyspace with so many copies of each row; None leaves one that is there as it is.

    Raises StackFailed if a file that was applied before has been changed since; TooFewNodes and Conflict before anything is changed, if the
    copies cannot be kept, or not at once.
    """
    session = PatientSession(replace(address(settings), keyspace=""), patience_s)
    try:
        told = _keyspace(session, settings.cassandra_keyspace, settings.cassandra_datacenter, replication)
        session.run(f'USE "{settings.cassandra_keyspace}"')
        return Migrated(_tables(session, settings.cassandra_keyspace), told)
    finally:
        session.close()


def _keyspace(session: Session, keyspace: str, datacenter: str, wanted: int | None) -> str:
    """Create the keyspace, or change its copies. Return what was changed in one that was there."""
    before = replication_of(session, keyspace)
    nodes = nodes_of(session, datacenter)
    if before is None:
        copies = USUAL if wanted is None else wanted
        check_room(keyspace, None, copies, nodes, datacenter)
        session.run(f'CREATE KEYSPACE IF NOT EXISTS "{keyspace}" WITH replication = {altered({}, datacenter, copies)}')
        return ""
    copies_before = copies_of(before, datacenter)
    check_room(keyspace, copies_before, wanted, nodes, datacenter)
    if wanted is None or copies_before in (None, wanted):
        return ""
    check_step(keyspace, copies_before or 0, wanted, nodes)
    session.run(f'ALTER KEYSPACE "{keyspace}" WITH replication = {altered(before, datacenter, wanted)}')
    return advice(keyspace, copies_before or 0, wanted)


def replication_of(session: Session, keyspace: str) -> Mapping[str, str] | None:
    """Return how a keyspace is replicated, by Cassandra's own names; None if it does not exist."""
    rows = session.execute("SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = ?", keyspace)
    return dict(rows[0].replication) if rows else None


def nodes_of(session: Session, datacenter: str) -> int:
    """Return how many nodes the data centre has, up or down."""
    rows = [*session.execute("SELECT data_center FROM system.local"), *session.execute("SELECT data_center FROM system.peers")]
    return sum(row.data_center == datacenter for row in rows)


def _tables(session: Session, keyspace: str) -> list[str]:
    """Apply the files that were not applied yet, and return their names."""
    session.run("CREATE TABLE IF NOT EXISTS migration (name text PRIMARY KEY, digest text)")
    known = {row.name: row.digest for row in session.execute("SELECT name, digest FROM migration")}
    applied = []
    for file in sorted(MIGRATIONS.glob("*.cql")):
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        if file.name not in known:
            for statement in statements(file.read_text(encoding="utf-8")):
                session.run(statement)
            session.execute("INSERT INTO migration (name, digest) VALUES (?, ?)", file.name, digest)
            applied.append(file.name)
        elif known[file.name] != digest:
            raise StackFailed(
                f"Migration {file.name} was applied to keyspace {keyspace} and has been changed since.",
                "Restore the file and put the change into a new one.",
            )
    return applied


def statements(text: str) -> list[str]:
    """Return the CQL statements of a file, without comments."""
    bare = re.sub(r"--[^\n]*", "", text)
    return [s.strip() for s in bare.split(";") if s.strip()]
