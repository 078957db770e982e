"""Refuse settings of Spark with which a takeover could not continue the state of a query. Pure; docs/state.md has the reasons."""

from __future__ import annotations

from collections.abc import Mapping

STREAMING = "spark.sql.streaming"
PROVIDER = f"{STREAMING}.stateStore.providerClass"
CHANGELOG = f"{STREAMING}.stateStore.rocksdb.changelogCheckpointing.enabled"
FORMAT = f"{STREAMING}.stateStore.checkpointFormatVersion"
CODEC = f"{STREAMING}.stateStore.compression.codec"
LOCAL_FILES = "spark.hadoop.fs.file.impl"


def refused(conf: Mapping[str, str]) -> str:
    """Return why a takeover could not continue with these settings, and what to change; empty if it could."""
    if conf.get(FORMAT, "1") != "1":
        return f"{FORMAT}: a takeover copies state of format 1 alone. Remove it"
    if conf.get(CODEC, "lz4") != "lz4":
        return f"{CODEC}: whether a file of state is whole can be seen with lz4 alone. Remove it"
    if conf.get(PROVIDER, "").endswith("RocksDBStateStoreProvider") and conf.get(LOCAL_FILES, "").endswith("RawLocalFileSystem"):
        return f"{LOCAL_FILES}: RocksDB cannot save its state with RawLocalFileSystem. Remove it"
    return ""
