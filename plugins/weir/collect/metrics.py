"""The metrics of a collector, and its health. docs/collect.md has the same table, and a test compares them. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from weir.collect.counters import Counters
from weir.collect.spool.spool import Waiting
from weir.metrics.catalogue import Kind, Metric

GAUGE, COUNTER = Kind.GAUGE, Kind.COUNTER
OF_SENDERS = (
    Metric("weir_collect_lines_total", COUNTER, "Lines that were received and are on disk.", ()),
    Metric("weir_collect_bytes_total", COUNTER, "Bytes of these lines.", ()),
    Metric("weir_collect_forwarded_lines_total", COUNTER, "Lines that Kafka has committed.", ()),
    Metric("weir_collect_cut_lines_total", COUNTER, "Lines whose connection ended before the end of the line. They were dropped.", ()),
    Metric("weir_collect_refused_lines_total", COUNTER, "Lines and messages longer than --longest. They were dropped.", ()),
    Metric("weir_collect_malformed_total", COUNTER, "Connections that were closed because their framing could not be read.", ()),
    Metric("weir_collect_redelivered_total", COUNTER, "Messages that a broker marked as delivered again. Each may be in Kafka twice.", ()),
    Metric("weir_collect_turned_away_total", COUNTER, "Connections that were turned away because too many were open.", ()),
    Metric("weir_collect_dropped_datagrams_total", COUNTER, "Datagrams that the kernel dropped because its buffer was full.", ()),
    Metric("weir_collect_connections", GAUGE, "Open connections.", ()),
    Metric(
        "weir_collect_broker_up",
        GAUGE,
        "1 while the collector is a consumer of its broker, 0 while it is not. Only of rabbitmq and mqtt.",
        (),
    ),
    Metric("weir_collect_spool_bytes", GAUGE, "Bytes of the spool on disk, including those that were sent and not yet removed.", ()),
    Metric("weir_collect_spool_limit_bytes", GAUGE, "Maximum size of the spool in bytes.", ()),
    Metric(
        "weir_collect_waiting_bytes",
        GAUGE,
        "Bytes in the spool, or in followed files, that Kafka has not committed. Unknown until Kafka has answered once.",
        (),
    ),
    Metric(
        "weir_collect_oldest_waiting_seconds",
        GAUGE,
        "Age of the oldest line that waits. Of files: the longest time that a file with waiting bytes has had no commit. 0 if none waits.",
        (),
    ),
    Metric("weir_collect_held", GAUGE, "1 while senders are held back, 0 otherwise.", ()),
    Metric("weir_collect_committed_timestamp_seconds", GAUGE, "Time of the last commit to Kafka since the start.", ()),
    Metric("weir_collect_kafka_up", GAUGE, "1 if Kafka answered at the last attempt, 0 if not.", ()),
)
OF_FILES = (
    Metric("weir_collect_files", GAUGE, "Number of followed files. Only of files.", ()),
    Metric("weir_collect_file_restarts_total", COUNTER, "Restarts of processes that follow files. Only of files.", ()),
)
METRICS = (*OF_SENDERS, *OF_FILES)


def values(seen: Counters, spool: int, limit: int, waiting: Waiting | None, now: float) -> Iterator[tuple[str, float | None]]:
    """Yield the name of each metric with its value; None if it is unknown. `now` is in seconds since 1970, sizes are in bytes."""
    found = (
        seen.lines, seen.size, seen.forwarded, seen.cut, seen.refused, seen.malformed, seen.redelivered, seen.turned_away,
        seen.dropped(), seen.connections, seen.broker_up, spool, limit, waiting and waiting.size, age(waiting, now),
        int(seen.held_since is not None), seen.committed_at, answered(seen),
    )  # fmt: skip
    yield from zip((metric.name for metric in OF_SENDERS), found, strict=True)


def of_files(seen: Counters, files: int, restarts: int, size: int | None, age: float | None) -> Iterator[tuple[str, float | None]]:
    """Yield the values of `weir collect files`. Without refused and cut lines: each process reports its own."""
    yield "weir_collect_forwarded_lines_total", seen.forwarded
    yield "weir_collect_waiting_bytes", size
    yield "weir_collect_oldest_waiting_seconds", age
    yield "weir_collect_committed_timestamp_seconds", seen.committed_at
    yield "weir_collect_kafka_up", answered(seen)
    yield from zip((metric.name for metric in OF_FILES), (files, restarts), strict=True)


def age(waiting: Waiting | None, now: float) -> float | None:
    """Return the age of the oldest line that waits (s)."""
    if waiting is None:
        return None
    return max(0.0, now - waiting.since / 1000) if waiting.size else 0.0


def answered(seen: Counters) -> int | None:
    """Return 1 if Kafka answered at the last attempt, 0 if not; None before the first attempt has ended."""
    return 0 if seen.trouble else 1 if seen.reached else None


def families(found: Iterator[tuple[str, float | None]]) -> list[Any]:
    """Return families for Prometheus. Unknown values are left out."""
    of = {metric.name: metric for metric in METRICS}
    made = {Kind.GAUGE: GaugeMetricFamily, Kind.COUNTER: CounterMetricFamily}
    return [made[of[name].kind](name, of[name].help, value=value) for name, value in found if value is not None]


def health(seen: Counters, waiting: Waiting | None, now: float) -> dict[str, Any]:
    """Return the health as JSON. `state`: `holding` while senders are held back; else `waiting` while lines cannot be sent; else `starting`
    until Kafka has answered once; else `ok`. The collector accepts lines in every state except `holding`."""
    state = "holding" if seen.held_since is not None else "waiting" if seen.trouble else "ok" if seen.reached else "starting"
    return {
        "state": state,
        "kafka": seen.trouble or ("answered" if seen.reached else "not answered yet"),
        "committed_s_ago": None if seen.committed_at is None else round(now - seen.committed_at, 1),
        "waiting_bytes": waiting and waiting.size,
        "oldest_waiting_s": age(waiting, now),
        "held_s": None if seen.held_since is None else round(now - seen.held_since, 1),
    }
