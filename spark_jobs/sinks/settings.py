"""The section `sink` of a landed job's spec, by kind. Pure, standard library only: addresses and names of files, no secrets.

A wrong value raises ValueError with the name of its field.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any

from spark_jobs.runtime.options import seconds

APPEND, UPSERT = "append", "upsert"
COMPRESSIONS = ("none", "lz4", "zstd", "snappy", "gzip")
QUALIFIED = re.compile(r"[^.\s]+\.[^.\s]+")


@dataclass(frozen=True)
class CassandraRows:
    """Rows of a table in the Cassandra that has Weir's own tables, upserted by the table's primary key."""

    table: str  # KEYSPACE.TABLE
    kind: str = "cassandra"
    deleted: str = ""  # a boolean column of the pipeline, not of the table: true deletes the row of this key. Empty: no deletes

    def __post_init__(self) -> None:
        _must(bool(QUALIFIED.fullmatch(self.table)), "table", "must be KEYSPACE.TABLE")


@dataclass(frozen=True)
class Postgresql:
    """Rows of a table in PostgreSQL."""

    host: str
    database: str
    user: str
    table: str  # SCHEMA.TABLE; the fence is a row of SCHEMA.weir_fence
    kind: str = "postgresql"
    port: int = 5432
    mode: str = APPEND  # or upsert
    key: tuple[str, ...] = ()  # of upsert: columns of a unique index, not null
    deleted: str = ""  # of upsert: a boolean column of the pipeline, not of the table: true deletes the row of this key
    password_file: str = ""  # empty: no password, as with a client certificate
    ca_file: str = ""  # empty: no TLS; else the server's certificate and name are verified
    cert_file: str = ""
    key_file: str = ""

    def __post_init__(self) -> None:
        _must(bool(QUALIFIED.fullmatch(self.table)), "table", "must be SCHEMA.TABLE")
        _must(self.mode in (APPEND, UPSERT), "mode", "must be append or upsert")
        _must(bool(self.key) == (self.mode == UPSERT), "key", "name the key's columns for upsert, and none for append")
        _must(self.mode == UPSERT or not self.deleted, "deleted", "needs mode: upsert")
        object.__setattr__(self, "key", tuple(self.key))


@dataclass(frozen=True)
class Kafka:
    """Records of a topic in Weir's Kafka: the columns `value`, and if there are any `key`, `partition` and `headers`."""

    topic: str
    kind: str = "kafka"
    transactional_id: str = ""  # of one job of one installation; empty: weir.JOB. It names the group of the fence, too
    transaction_timeout_s: float = 300.0  # at most the broker's transaction.max.timeout.ms; readers wait so long for a frozen driver
    compression: str = "lz4"

    def __post_init__(self) -> None:
        _must(bool(self.topic), "topic", "must be text")
        _must(self.transaction_timeout_s >= 10, "transaction_timeout", "must be at least 10s")
        _must(self.compression in COMPRESSIONS, "compression", f"must be one of {', '.join(COMPRESSIONS)}")


@dataclass(frozen=True)
class Parquet:
    """Parquet files below a folder of a file system or object store."""

    path: str  # a URI for Spark's Hadoop: file:///..., hdfs://..., s3a://...
    kind: str = "parquet"

    def __post_init__(self) -> None:
        _must("://" in self.path, "path", "must be a URI such as s3a://bucket/folder")


SinkSettings = CassandraRows | Postgresql | Kafka | Parquet
KINDS: Mapping[str, type[SinkSettings]] = {"cassandra": CassandraRows, "postgresql": Postgresql, "kafka": Kafka, "parquet": Parquet}


def settings_of(values: Mapping[str, Any]) -> SinkSettings:
    """Return the settings of a section; a field `depth_s` may also be called `depth`, as in job.yaml. Raises ValueError."""
    kind = KINDS.get(str(values.get("kind")))
    _must(kind is not None, "kind", f"must be one of {', '.join(KINDS)}")
    assert kind is not None
    known = {name: each for each in fields(kind) for name in (each.name, each.name.removesuffix("_s"))}
    has = ", ".join(each.name.removesuffix("_s") for each in fields(kind))
    for name in values:
        _must(name in known, name, f"is no field of a sink of kind {values['kind']}, which has {has}")
    typed = {known[name].name: _typed(name, known[name].type, value) for name, value in values.items()}
    for each in fields(kind):
        _must(each.name in typed or each.default is not MISSING, each.name, "is missing")
    return kind(**typed)


def checked(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a section with all its fields. Raises ValueError."""
    return asdict(settings_of(values))


def _typed(name: str, kind: Any, value: Any) -> Any:
    """Return a value of YAML as the type of its field, by the type's name."""
    if kind == "float":
        try:
            return seconds(value)
        except ValueError as error:
            raise ValueError(f"sink.{name} {error}") from error
    if kind == "int":
        _must(isinstance(value, int) and not isinstance(value, bool), name, "must be a whole number")
        return value
    if kind.startswith("tuple"):
        _must(isinstance(value, list | tuple) and all(isinstance(one, str) and one for one in value), name, "must be a list of names")
        return tuple(value)
    _must(isinstance(value, str), name, "must be text")
    return value


def _must(right: bool, field: str, rule: str) -> None:
    if not right:
        raise ValueError(f"sink.{field} {rule}")
