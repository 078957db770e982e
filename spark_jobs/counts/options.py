"""The options of a counting job. A job's own `options.py` names the model it takes: this one, or a subclass with further fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from spark_jobs.counts.services import services
from spark_jobs.counts.signature_options import signatures
from spark_jobs.formats.spec import line_format
from spark_jobs.runtime.options import Change, option, whole, whole_seconds, zone

NATIVE, SPARK = "native", "spark"  # engines: docs/engines.md


def _pane(value: Any) -> int:
    found = whole_seconds(value)
    if 3600 % found:
        raise ValueError("must divide an hour, since panes are kept by the hour")
    return found


def _engine(value: Any) -> str:
    if value not in (NATIVE, SPARK):
        raise ValueError(f"must be {NATIVE} or {SPARK}")
    return str(value)


@dataclass(frozen=True)
class CountsOptions:
    """How lines are read and counted. Durations are in seconds."""

    line_format: str | Mapping[str, Any] = option(
        "apache_error", line_format, "the format of a line: a name, or a mapping with its name", Change.REPLAY
    )
    time_zone: str = option("UTC", zone, "the zone of times without one", Change.REPLAY)
    services: Mapping[str, Mapping[str, Any]] = option({}, services, "what differs for single services, by name", Change.REPLAY)
    engine: str = option(NATIVE, _engine, "what reads and counts lines: native, or spark for Spark's own source and functions")
    pane_s: int = option(10, _pane, "the width of a pane; it divides an hour", Change.NEW_EPOCH)
    allowed_lateness_s: int = option(60, whole_seconds, "how long after its end a pane stays open for late lines")
    future_skew_s: int = option(3600, whole_seconds, "a line dated further ahead of its arrival is rejected", Change.REPLAY)
    shards: int = option(4, whole(1, 256), "into how many Cassandra partitions the counts of an hour are spread", Change.NEW_EPOCH)
    signature_cap: int = option(200, whole(1), "signatures that are kept of a batch and service; the rest is under ~other")
    signatures: Mapping[str, Any] = option({}, signatures, "changes of the rules that make signatures", Change.REPLAY)
    rejected_samples: int = option(100, whole(0, 10_000), "samples of rejected lines that are kept of a batch; all are counted")
