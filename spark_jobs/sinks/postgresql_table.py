"""Judge whether a table of PostgreSQL can take the rows of a job without changing them. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

WHOLE = ("smallint", "integer", "bigint")
DIGITS = {"tinyint": "decimal(3,0)", "smallint": "decimal(5,0)", "int": "decimal(10,0)", "bigint": "decimal(19,0)"}  # as numeric holds them
# By Spark's type, the types of PostgreSQL that hold each of its values exactly. Others would be rounded, cut or refused in a batch.
EXACT: Mapping[str, Collection[str]] = {
    "string": ("text", "character varying", "json", "jsonb", "uuid"),
    "boolean": ("boolean",),
    "tinyint": WHOLE,
    "smallint": WHOLE,
    "int": WHOLE[1:],
    "bigint": WHOLE[2:],
    "float": ("real", "double precision"),
    "double": ("double precision",),
    "date": ("date",),
    "timestamp": ("timestamp with time zone",),
    "timestamp_ntz": ("timestamp without time zone",),
    "binary": ("bytea",),
}
DECIMAL = re.compile(r"decimal\((\d+),(-?\d+)\)")
NUMERIC = re.compile(r"numeric(?:\((\d+),(-?\d+)\))?")
ARRAY = re.compile(r"array<([^<]*)>")
CAST = ": change the column, or cast in the pipeline"


@dataclass(frozen=True)
class Column:
    type: str  # as format_type has it: numeric(10,2), integer[]
    nullable: bool = True
    generated: bool = False  # PostgreSQL refuses values for it


@dataclass(frozen=True)
class Table:
    """A table as PostgreSQL's catalog has it."""

    columns: Mapping[str, Column]
    unique: Collection[frozenset[str]] = ()  # the columns of each unique index over plain columns and all rows
    permanent: bool = True  # False: unlogged, which a crash of the server empties


def problems(table: Table | None, schema: Mapping[str, str], key: Sequence[str], deleted: str = "") -> list[str]:
    """Return why batches of this schema (Spark's type by column) cannot be written; empty if they can. None: there is no such table."""
    if table is None:
        return ["it does not exist, or this user may not see it: create it"]
    return [
        *of_table(table, key),
        *_of_columns(table, schema, deleted),
        *(f"the pipeline has no column {k}" for k in key if k not in schema),
    ]


def of_table(table: Table, key: Sequence[str]) -> Iterator[str]:
    """Yield what in a table itself prevents writes, apart from the columns of the rows."""
    if not table.permanent:
        yield "it is unlogged or temporary, and a crash of the server empties it: ALTER TABLE ... SET LOGGED"
    if key and frozenset(key) not in table.unique:
        yield f"it has no unique index over exactly ({', '.join(key)}): add a primary key or a unique constraint"
    yield from (
        f"the key's column {name} may be null: SET NOT NULL" for name in key if name in table.columns and table.columns[name].nullable
    )


def _of_columns(table: Table, schema: Mapping[str, str], deleted: str) -> Iterator[str]:
    if deleted and schema.get(deleted) != "boolean":
        yield f"the pipeline has no boolean column {deleted}, which sink.deleted names"
    for name, kind in schema.items():
        column = table.columns.get(name)
        if name == deleted:
            continue
        if column is None:
            yield f"it has no column {name}: add it, or leave it out of the pipeline"
        elif column.generated:
            yield f"PostgreSQL generates its column {name}: leave it out of the pipeline"
        elif not exact(kind, column.type):
            yield f"the column {name} is {column.type}, which does not hold every {kind} of Spark exactly{CAST}"


def exact(kind: str, column: str) -> bool:
    """Return whether a column of this type of PostgreSQL holds every value of a type of Spark's."""
    if array := ARRAY.fullmatch(kind):
        return column.endswith("[]") and exact(array[1], column.removesuffix("[]"))
    if (decimal := DECIMAL.fullmatch(DIGITS.get(kind, kind))) and (kind not in DIGITS or column.startswith("numeric")):
        numeric = NUMERIC.fullmatch(column)
        if numeric is None or numeric[1] is None:
            return numeric is not None
        return _fits(int(decimal[1]), int(decimal[2]), int(numeric[1]), int(numeric[2]))
    return column.partition("(")[0] in EXACT.get(kind, ()) and not column.startswith("timestamp(")


def _fits(digits: int, scale: int, most_digits: int, most_scale: int) -> bool:
    return scale <= most_scale and digits - scale <= most_digits - most_scale
