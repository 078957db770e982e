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
        return f"{FORMAT}: a takeover can copy only state of format 1. Remove this setting"
    if conf.get(CODEC, "lz4") != "lz4":
        return f"{CODEC}: Weir can check state files only with lz4. Remove this setting"
    if conf.get(PROVIDER, "").endswith("RocksDBStateStoreProvider") and conf.get(LOCAL_FILES, "").endswith("RawLocalFileSystem"):
        return f"{LOCAL_FILES}: RocksDB cannot save its state with RawLocalFileSystem. Remove this setting"
    return ""
