"""Make Kafka records of the rows of a batch. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from spark_jobs.protocol.head import Head

# By column, the types that it may have: those of Spark's own Kafka sink.
COLUMNS: Mapping[str, Sequence[str]] = {
    "value": ("string", "binary"),
    "key": ("string", "binary"),
    "partition": ("int",),
    "headers": ("array<struct<key:string,value:binary>>",),
}
Headers = list[tuple[str, bytes | None]]


@dataclass(frozen=True)
class Record:
    value: bytes | None  # None: a tombstone
    key: bytes | None
    partition: int  # -1: by the key
    headers: Headers


def problems(schema: Mapping[str, str]) -> list[str]:
    """Return why rows of this schema (Spark's type by column) are no records; empty if they are."""
    found = [] if "value" in schema else ["the pipeline has no column value"]
    for name, kind in schema.items():
        if name not in COLUMNS:
            found.append(f"the column {name} has no place in a record: use to_json or another encoding to put it into value")
        elif kind not in COLUMNS[name]:
            found.append(f"the column {name} is {kind}, and must be {' or '.join(COLUMNS[name])}")
    return found


def records(rows: Iterable[Sequence[Any]], names: Sequence[str], claimed: Head) -> Iterator[Record]:
    """Yield the records of a batch. The same rows get the same headers each time they are written, in any order.

    `weir-n` is the digest of the record and a number that counts equal records. An index would name other rows when the batch is repeated.
    """
    said = [("weir-job", claimed.job.encode()), ("weir-epoch", b"%d" % claimed.epoch), ("weir-batch", b"%d" % claimed.batch_id)]
    times: Counter[bytes] = Counter()
    for row in rows:
        found = dict(zip(names, row, strict=True))
        value, key, own = _bytes(found["value"]), _bytes(found.get("key")), _headers(found.get("headers"))
        partition = found.get("partition")
        digest = _digest(value, key, partition, own)
        n = digest.hex().encode() + b"-%d" % times[digest]
        times[digest] += 1
        yield Record(value, key, -1 if partition is None else partition, [*own, *said, ("weir-n", n)])


def _bytes(value: Any) -> bytes | None:
    return None if value is None else value.encode() if isinstance(value, str) else bytes(value)


def _headers(found: Any) -> Headers:
    return [(name, _bytes(value)) for name, value in found or ()]


def _digest(*parts: Any) -> bytes:
    return blake2b(repr(parts).encode(), digest_size=16).digest()
