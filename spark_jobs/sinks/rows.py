"""Rows of a batch as they pass the driver: piece by piece, so that its memory does not grow with the batch."""

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
PIECE_ROWS = 10_000  # of a partition of Spark's. With whole partitions a driver of 512 MiB ran out of memory at one of 100 MiB
WITHIN = (1 << 33) - 1  # the bits of monotonically_increasing_id that number the rows within a partition


def values(rows: DataFrame, digest: Digest, target: str) -> Iterator[Values]:
    """Yield the rows as Python values: timestamps in UTC, binary as bytes. Rows of a partition of Spark's keep their order.

    `rows` must be persisted, since each piece reads it again. Raises BadRows at the end if there were not as many rows as were evaluated.
    """
    changes = [(place, change) for place, field in enumerate(rows.schema) if (change := converter(field.dataType))]
    count = 0
    for piece in _pieces(rows, digest.rows):
        for row in piece.toLocalIterator(prefetchPartitions=True):
            count += 1
            yield _converted(row, changes) if changes else tuple(row)
    if count != digest.rows:
        raise BadRows(target, f"{digest.rows} rows were evaluated, and {count} came to be written; the pipeline is not deterministic")


def _pieces(rows: DataFrame, count: int) -> Iterator[DataFrame]:
    """Split into parts of at most PIECE_ROWS of each partition, without a shuffle, which would lose the order."""
    if count <= PIECE_ROWS:
        yield rows
        return
    number = F.monotonically_increasing_id().bitwiseAND(F.lit(WITHIN))
    numbered = rows.withColumn("weir_piece", F.floor(number / PIECE_ROWS))
    (last,) = numbered.agg(F.max("weir_piece")).collect()
    for piece in range((last[0] or 0) + 1):
        yield numbered.where(F.col("weir_piece") == piece).drop("weir_piece")


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
    """Return how a value of a type of Spark's is changed; None: not at all. Null stays null."""
    if isinstance(kind, TimestampType):
        return _in_utc
    if isinstance(kind, BinaryType):
        return bytes
    if isinstance(kind, ArrayType):
        inner = converter(kind.elementType)
        return (lambda found: [None if each is None else inner(each) for each in found]) if inner else None
    return None


def _in_utc(value: datetime) -> datetime:
    """PySpark hands over the local time of this process, without a zone."""
    return value.astimezone(UTC)


def _converted(row: Sequence[Any], places: Sequence[tuple[int, Callable[[Any], Any]]]) -> Values:
    found = list(row)
    for place, change in places:
        if found[place] is not None:
            found[place] = change(found[place])
    return tuple(found)
