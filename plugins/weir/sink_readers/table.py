"""Read the table of a landed job in PostgreSQL: a statement of a person, or page after page by its key."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from spark_jobs.sinks.settings import Postgresql, settings_of
from weir.errors import BadInput, NoReader, Prerequisite
from weir.jobs.landed_spec import LandedSpec
from weir.jobs.spec import JobSpec

if TYPE_CHECKING:
    from weir.sink_readers.statements import Answer

KEY = "weir_key"  # the first column of a page: the row's place


@dataclass(frozen=True)
class Rows:
    """Rows as JSON has them. `places` has the key of each row as text, of a page; `more` is empty if there are no more rows."""

    columns: list[str]
    rows: list[dict[str, Any]]
    places: list[list[str]]
    more: str = ""


def query(spec: JobSpec, statement: str, limit: int, timeout_s: float) -> Rows:
    """Return the rows of a statement. Raises as `statements.answered` does, BadInput for another sink, NoReader, Prerequisite."""
    with _client():
        return _rows(_answered(read_as(spec), statement, limit, timeout_s))


def page(spec: JobSpec, key: Sequence[str], after: Sequence[str], limit: int, timeout_s: float) -> Rows:
    """Return rows in the order of the sink's key, behind the key `after`, whose first columns are `key`. Raises as `query` does."""
    table = read_as(spec)
    if not table.key:
        next_step = f'It has all rows as they are: weir query {spec.name} "SELECT ..."'
        raise BadInput(f"The sink of {spec.name} appends rows, so they have no key to go by.", next_step)
    if len(key) > len(table.key) or (after and len(after) != len(table.key)):
        raise BadInput(f"key: the rows of {spec.name} have the key {', '.join(table.key)}.", "Give at most one value for each of them.")
    with _client():
        return _placed(_answered(table, _page(table, key, after, limit + 1), limit, timeout_s))


def read_as(spec: JobSpec) -> Postgresql:
    """Return the sink of a job with the user that reads it. Raises BadInput for another sink, NoReader."""
    sink = settings_of(spec.sink) if isinstance(spec, LandedSpec) else None
    if not isinstance(spec, LandedSpec) or not isinstance(sink, Postgresql):
        raise BadInput(f"{spec.name} has no rows in PostgreSQL.", "Rows can be read of landed jobs with a sink of kind postgresql.")
    if spec.reader is None:
        add = "Add to job.yaml: reader: {user: ..., password_file: ...}. docs/sinks.md#reading-rows says how to make the role."
        raise NoReader(f"The spec of {spec.name} names no role that reads its sink.", add)
    return replace(sink, **spec.reader.model_dump())


@contextmanager
def _client() -> Iterator[None]:
    """Raise Prerequisite if PostgreSQL's client, which is an extra of the wheel, is not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "psycopg2":
            raise
        raise Prerequisite("The client of PostgreSQL is not installed.", "Install it: pip install 'weir[sink-postgresql]'") from error


def _answered(table: Postgresql, statement: Any, limit: int, timeout_s: float) -> Answer:
    from weir.sink_readers.statements import answered

    return answered(table, statement, limit, timeout_s)


def _page(table: Postgresql, key: Sequence[str], after: Sequence[str], most: int) -> Any:
    from psycopg2.sql import SQL, Identifier, Literal

    columns = [Identifier(name) for name in table.key]
    texts = SQL(", ").join(SQL("t.{}::text").format(column) for column in columns)
    where = [SQL("t.{} = {}").format(column, Literal(value)) for column, value in zip(columns, key, strict=False)]
    listed = SQL(", ").join(SQL("t.{}").format(column) for column in columns)
    if after:
        where.append(SQL("({}) > ({})").format(listed, SQL(", ").join(map(Literal, after))))
    of = SQL("WHERE {}").format(SQL(" AND ").join(where)) if where else SQL("")
    return SQL("SELECT ARRAY[{}] AS {}, t.* FROM {} t {} ORDER BY {} LIMIT {}").format(
        texts, Identifier(KEY), Identifier(*table.table.split(".")), of, listed, Literal(most)
    )


def _rows(found: Answer) -> Rows:
    return Rows(found.columns, [_named(found.columns, row) for row in found.rows], [], found.more)


def _placed(found: Answer) -> Rows:
    """Return the rows of a page, whose first column is the place."""
    columns = found.columns[1:]
    return Rows(columns, [_named(columns, row[1:]) for row in found.rows], [row[0] for row in found.rows], found.more)


def _named(columns: Sequence[str], row: Sequence[Any]) -> dict[str, Any]:
    return {name: plain(value) for name, value in zip(columns, row, strict=True)}


def plain(value: Any) -> Any:
    """Return a value of PostgreSQL's as JSON has it: exact numbers with a fraction, times and others as text, bytes in hexadecimal."""
    if value is None or isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value)):
        return value
    if isinstance(value, Decimal):
        return f"{value:f}" if value.is_finite() else str(value)
    if isinstance(value, bytes | memoryview):
        return "\\x" + bytes(value).hex()
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {str(name): plain(one) for name, one in value.items()}
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
