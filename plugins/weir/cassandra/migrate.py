"""Migrations of the Cassandra schema: each file is applied once, in order, and must never change afterwards."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from spark_jobs.runtime.session import Session
from weir.addresses import address
from weir.cassandra.tables import Tables
from weir.errors import StackFailed
from weir.settings import Settings

MIGRATIONS = Path(__file__).parent / "migrations"


class Schema(Tables):
    def pending(self) -> Sequence[str]:
        applied = {r.name for r in self.session.execute("SELECT name FROM migration")}
        return sorted(file.name for file in MIGRATIONS.glob("*.cql") if file.name not in applied)


def migrate(settings: Settings, replication: int = 1, patience_s: float = 120.0) -> list[str]:
    """Migrate the schema to the newest version. Return the names of the files that were applied now.

    Raises StackFailed if a file that was applied before has been changed since.
    """
    session = Session(replace(address(settings), keyspace=""), patience_s)
    try:
        return _migrate(session, settings, replication)
    finally:
        session.close()


def _migrate(session: Session, settings: Settings, replication: int) -> list[str]:
    keyspace = settings.cassandra_keyspace
    session.run(
        f"CREATE KEYSPACE IF NOT EXISTS {keyspace} WITH replication = "
        f"{{'class': 'NetworkTopologyStrategy', '{settings.cassandra_datacenter}': {replication}}}"
    )
    session.run(f"USE {keyspace}")
    session.run("CREATE TABLE IF NOT EXISTS migration (name text PRIMARY KEY, digest text)")
    known = {row.name: row.digest for row in session.execute(f"SELECT name, digest FROM {keyspace}.migration")}
    applied = []
    for file in sorted(MIGRATIONS.glob("*.cql")):
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        if file.name not in known:
            for statement in statements(file.read_text()):
                session.run(statement)
            session.execute(f"INSERT INTO {keyspace}.migration (name, digest) VALUES (?, ?)", file.name, digest)
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
