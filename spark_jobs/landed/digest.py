"""Compute the digest of a batch with Spark, over all columns. Equal rows have the same digest in any order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, DataType, MapType, StructType

from spark_jobs.protocol.head import Digest

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

BITS = 64


def digest_of(rows: DataFrame) -> Digest:
    """Evaluate the rows once, and return their number and digest."""
    each = [part for field in rows.schema for part in _parts(F.col(_quoted(field.name)), field.dataType)]
    # As decimals: the sum of two hashes may exceed a long, which is an error in ANSI mode.
    hashes = F.sum(F.xxhash64(*each).cast("decimal(20,0)")) if each else F.lit(0)
    n, total = rows.agg(F.count(F.lit(1)), hashes).first() or (0, 0)
    return Digest(n, f"{int(total or 0) % 2**BITS:016x}")


def _parts(column: Column, kind: DataType) -> list[Column]:
    """Return what is hashed for a column. Spark's hash skips nulls: without the first part, (null, 1) and (1, null) would be equal."""
    return [column.isNull(), _canonical(column, kind)]


def _canonical(column: Column, kind: DataType) -> Column:
    """Return a value whose hash depends on the places of nulls and on the lengths of arrays, but not on the order of a map's entries."""
    if isinstance(kind, StructType):
        return F.struct(*(part for field in kind for part in _parts(column.getField(field.name), field.dataType)))
    if isinstance(kind, ArrayType):
        return F.struct(F.size(column), F.transform(column, lambda one: F.struct(*_parts(one, kind.elementType))))
    if isinstance(kind, MapType):
        entries = StructType().add("key", kind.keyType).add("value", kind.valueType)
        return _canonical(F.array_sort(F.map_entries(column)), ArrayType(entries))
    return column


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"
