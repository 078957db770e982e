"""Which table each role may read and change, as CQL. The lists follow the statements of the code; a test compares them. Pure."""

from __future__ import annotations

from collections.abc import Sequence

# A driver claims and lands its batches, and notes how it ends.
DRIVER_READS = ("attempt", "head", "job", "ledger", "ledger_day", "standby")
DRIVER_CHANGES = ("attempt", "delta", "head", "hour", "ledger", "ledger_day", "ledger_hour", "rejected_line", "standby")
# Supervision, Airflow's tasks, the REST service and the command line. They read every table.
SUPERVISOR_CHANGES = (
    "alerting", "asked", "attempt", "delta", "evaluation", "fold", "head", "inbox", "job", "ledger", "ledger_day", "pause", "proven",
    "published", "recount", "report", "roll", "roll_begun", "rolled", "run", "run_begun", "run_hour", "standby", "timeline",
    "timeline_month", "unproven", "version",
)  # fmt: skip


def grants(keyspace: str, supervisor: str, driver: str, reader: str = "") -> Sequence[str]:
    """Return the statements that give each role what it needs, and nothing else. `reader` only reads; empty: none."""
    found = [f"GRANT SELECT ON KEYSPACE {_name(keyspace)} TO {_name(role)}" for role in (supervisor, reader) if role]
    found += [_table("MODIFY", keyspace, table, supervisor) for table in SUPERVISOR_CHANGES]
    found += [_table("SELECT", keyspace, table, driver) for table in DRIVER_READS]
    return found + [_table("MODIFY", keyspace, table, driver) for table in DRIVER_CHANGES]


def of_owner(role: str) -> Sequence[str]:
    """Return the statement for the role of `weir migrate`: it owns what it creates."""
    return [f"GRANT CREATE ON ALL KEYSPACES TO {_name(role)}"]


def login(role: str, password: str, superuser: bool = False) -> Sequence[str]:
    """Return the statements that create a role, and set its password."""
    options = f"{_password(password)} AND LOGIN = true AND SUPERUSER = {str(superuser).lower()}"
    return [f"CREATE ROLE IF NOT EXISTS {_name(role)}", f"ALTER ROLE {_name(role)} WITH {options}"]


def closed(role: str, password: str) -> str:
    """Return the statement that takes login and power from a role. It also gets another password, should anybody open it again."""
    return f"ALTER ROLE {_name(role)} WITH {_password(password)} AND LOGIN = false AND SUPERUSER = false"


def _password(text: str) -> str:
    return "PASSWORD = '" + text.replace("'", "''") + "'"


def _table(right: str, keyspace: str, table: str, role: str) -> str:
    return f"GRANT {right} ON {_name(keyspace)}.{_name(table)} TO {_name(role)}"


def _name(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
