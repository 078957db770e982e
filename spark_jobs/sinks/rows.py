"""Read the rows of a batch into the driver piece by piece, so that its memory does not grow with the batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, BinaryType, DataType, TimestampType

from spark_jobs.protocol.landing import Digest
from spark_jobs.sinks.errors import BadRows

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

T = TypeVar("T")
Values = tuple[Any, ...]
PIECE_ROWS = 10_000  # about as many rows are in memory at once, in the JVM and in Python


def values(rows: DataFrame, digest: Digest, target: str, together: Sequence[str] = ()) -> Iterator[Values]:
    """Yield the rows as Python values: timestamps in UTC, binary as bytes.

    Rows that are equal in the columns `together` keep the order that they have within a partition of Spark's. `rows` must be persisted,
    since each piece reads it again. Raises BadRows at the end if the number of rows is not that of `digest`.
    """
    changes = [(place, change) for place, field in enumerate(rows.schema) if (change := converter(field.dataType))]
    count = 0
    for piece in _pieces(rows, -(-digest.rows // PIECE_ROWS), together or rows.columns):
        # Not toLocalIterator: in Spark 4.2 each call of it left its last partition in the JVM's heap for ever, 10 MiB of 10 MiB.
        for row in piece.collect():
            count += 1
            yield _converted(row, changes) if changes else tuple(row)
    if count != digest.rows:
        what = f"it had {digest.rows} rows when it was evaluated, and {count} when it was written"
        raise BadRows(target, f"{what}: the pipeline is not deterministic")


def _pieces(rows: DataFrame, parts: int, names: Sequence[str]) -> Iterator[DataFrame]:
    """Split by a hash of these columns. Even if Spark computes rows again after it lost an executor, each row is in exactly one piece."""
    if parts <= 1:
        yield rows
        return
    part = F.pmod(F.xxhash64(*(F.col(f"`{name}`") for name in names)), F.lit(parts))
    yield from (rows.where(part == n) for n in range(parts))


def chunks(found: Iterable[T], size: int) -> Iterator[list[T]]:
    """Split into lists of at most `size`."""
    rest = iter(found)
    while chunk := list(islice(rest, size)):
        yield chunk


def one_row_per_key(rows: DataFrame, key: Sequence[str], target: str) -> None:
    """Raise BadRows, with the key, if two rows have the same key or a part of a key is null."""
    columns = [F.col(f"`{name}`") for name in key]
    null = F.lit(False)
    for column in columns:
        null = null | column.isNull()
    found = rows.groupBy(*columns).agg(F.count(F.lit(1)).alias("weir_n")).where((F.col("weir_n") > 1) | null).limit(1).collect()
    for row in found:
        shown = ", ".join(f"{name}={row[name]!r}" for name in key)
        what = f"the key {shown} has a null" if any(row[name] is None for name in key) else f"{row['weir_n']} rows have the key {shown}"
        raise BadRows(target, f"{what}; a batch may have one row for each key, without nulls in it")


def converter(kind: DataType) -> Callable[[Any], Any] | None:
    """Return the function that converts a value of this Spark type; None if no conversion is needed. Null stays null."""
    if isinstance(kind, TimestampType):
        return _in_utc
    if isinstance(kind, BinaryType):
        return bytes
    if isinstance(kind, ArrayType):
        inner = converter(kind.elementType)
        return (lambda found: [None if each is None else inner(each) for each in found]) if inner else None
    return None


def _in_utc(value: datetime) -> datetime:
    """Convert to UTC. PySpark returns local time of this process, without a zone."""
    return value.astimezone(UTC)


def _converted(row: Sequence[Any], places: Sequence[tuple[int, Callable[[Any], Any]]]) -> Values:
    found = list(row)
    for place, change in places:
        if found[place] is not None:
            found[place] = change(found[place])
    return tuple(found)
