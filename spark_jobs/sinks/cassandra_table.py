"""Judge whether a table of Cassandra can take upserts that may be repeated. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

# By Spark's type, the types of Cassandra that hold each of its values exactly.
EXACT: Mapping[str, Collection[str]] = {
    "string": ("text", "varchar"),
    "boolean": ("boolean",),
    "tinyint": ("tinyint", "smallint", "int", "bigint", "varint"),
    "smallint": ("smallint", "int", "bigint", "varint"),
    "int": ("int", "bigint", "varint"),
    "bigint": ("bigint", "varint"),
    "float": ("float", "double"),
    "double": ("double",),
    "date": ("date",),
    "timestamp": ("timestamp",),  # whole milliseconds; a batch with a finer one is refused
    "binary": ("blob",),
}
ARRAY = re.compile(r"array<([^<]*)>")
LIST = re.compile(r"frozen<list<([^<]*)>>")
CAST = ": change the column, or cast in the pipeline"
LEAST_GRACE_S = 3600  # a tombstone must outlive a frozen driver that wakes


class Catalog(Protocol):
    def execute(self, cql: str, *values: Any) -> list[Any]:
        """Run one statement and return its rows."""


@dataclass(frozen=True)
class Table:
    """A table as `system_schema` has it."""

    keyspace: str
    name: str
    columns: Mapping[str, str] = field(default_factory=dict)  # types by name
    partition_key: tuple[str, ...] = ()
    clustering: tuple[str, ...] = ()
    static: tuple[str, ...] = ()
    ttl_s: int = 0  # default_time_to_live; 0: none
    grace_s: int = 864_000  # gc_grace_seconds

    @property
    def key(self) -> tuple[str, ...]:
        """Return the primary key's columns."""
        return self.partition_key + self.clustering


def table_of(catalog: Catalog, name: str) -> Table | None:
    """Read KEYSPACE.TABLE from the catalog; None if there is none."""
    keyspace, _, table = name.partition(".")
    options = catalog.execute(
        "SELECT default_time_to_live, gc_grace_seconds FROM system_schema.tables WHERE keyspace_name = ? AND table_name = ?",
        keyspace,
        table,
    )
    if not options:
        return None
    said = "SELECT column_name, kind, position, type FROM system_schema.columns WHERE keyspace_name = ? AND table_name = ?"
    found = sorted(catalog.execute(said, keyspace, table), key=lambda row: row.position)
    partition_key, clustering, static = (
        tuple(row.column_name for row in found if row.kind == kind) for kind in ("partition_key", "clustering", "static")
    )
    types = {row.column_name: row.type for row in found}
    (one,) = options
    return Table(keyspace, table, types, partition_key, clustering, static, one.default_time_to_live, one.gc_grace_seconds)


def problems(table: Table | None, schema: Mapping[str, str], deleted: str = "") -> list[str]:
    """Return why batches of this schema (Spark's type by column) cannot be written; empty if they can. None: there is no such table."""
    if table is None:
        return ["it does not exist, or this user may not see it: create it"]
    return [*of_table(table), *_of_columns(table, schema, deleted)]


def of_table(table: Table) -> Iterator[str]:
    """Yield what in a table itself prevents repeated upserts, apart from the columns of the rows."""
    if table.ttl_s:
        yield "it has a default_time_to_live, which would begin again whenever a batch is repeated: set it to 0"
    if table.grace_s < LEAST_GRACE_S:
        yield f"its gc_grace_seconds are below {LEAST_GRACE_S}, and a frozen driver that wakes could undo a delete: raise it"
    yield from (f"its column {name} is static, and several rows of a batch would set it: use another table" for name in table.static)
    for name, kind in table.columns.items():
        if kind == "counter":
            yield f"its column {name} is a counter, which counts twice when a batch is repeated: use bigint"
        elif kind.startswith("list<"):
            yield f"its column {name} is {kind}, which grows when a batch is repeated: use frozen<{kind}>"
        elif name in table.key and "<" in kind:
            yield f"its key has the column {name} of type {kind}: use plain types in the key"


def _of_columns(table: Table, schema: Mapping[str, str], deleted: str) -> Iterator[str]:
    if deleted and schema.get(deleted) != "boolean":
        yield f"the pipeline has no boolean column {deleted}, which sink.deleted names"
    own = {name: kind for name, kind in schema.items() if name != deleted}
    missing = sorted(table.columns.keys() - own.keys())
    yield from (f"the pipeline has no column {name}, and every row must write every column of the table" for name in missing)
    for name, kind in own.items():
        if name not in table.columns:
            yield f"it has no column {name}: add it, or leave it out of the pipeline"
        elif not exact(kind, table.columns[name]):
            yield f"the column {name} is {table.columns[name]}, which does not hold every {kind} of Spark exactly{CAST}"


def exact(kind: str, column: str) -> bool:
    """Return whether a column of this type of Cassandra holds every value of a type of Spark's."""
    if kind.startswith("decimal("):
        return column == "decimal"
    array, held = ARRAY.fullmatch(kind), LIST.fullmatch(column)
    return exact(array[1], held[1]) if array and held else column in EXACT.get(kind, ())
