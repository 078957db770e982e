"""What a rate of lines needs, computed from measured points: no I/O, no clock. `bench/capacity.py` prints it.

Times are in seconds, sizes in bytes. Each formula is explained in docs/capacity.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from spark_jobs.protocol.codec import dump
from spark_jobs.protocol.head import Head, Progress, State, Totals
from spark_jobs.protocol.partition import of_source

DAY_S, HOUR_S = 86_400, 3_600
TOPIC_ID = "a" * 22  # a topic id of Kafka is as long


@dataclass(frozen=True)
class Load:
    """What comes in, and what a job is asked to do with it."""

    lines_per_s: float
    services: int = 200
    signatures: int = 50  # different ones in the errors of one service
    levels: int = 3  # of a service, beside its errors
    error_share: float = 0.25
    cap: int = 200  # signature_cap
    pane_s: float = 10.0
    trigger_s: float = 1.0
    keyed: bool = True  # a service's lines are in one partition
    line_bytes: int = 137  # of drill's generator
    retention_h: float = 72.0
    jobs: int = 0  # number of jobs; each has its own topic and an equal share of the services. 0: the fewest that suffice
    replication: int = 3
    utilisation: float = 0.5  # of cores, writer and nodes in use at this rate: the rest is for catching up
    longest_batch_s: float = 10.0  # counts may be this old
    kept_days: float = 365.0  # counts are kept until you delete them


@dataclass(frozen=True)
class Batch:
    """A micro-batch of one job at its steady rate."""

    lines: float
    seconds: float  # from its start to the next one's
    collected: float  # rows that tasks send to the driver, where Java adds them up
    rows: float  # rows that the driver writes

    @property
    def rows_per_s(self) -> float:
        return self.rows / self.seconds


@dataclass(frozen=True)
class Need:
    """What the load needs, over all jobs unless it says otherwise."""

    load: Load
    jobs: int
    batch: Batch  # of each job
    cores: int
    partitions: int
    kafka_write_bytes_s: float  # compressed, all copies
    kafka_read_bytes_s: float  # compressed: the job, and a recount that keeps up
    kafka_bytes: float
    brokers: int
    rows_per_s: float
    nodes: int
    nodes_by_rows: int
    nodes_by_bytes: int
    delta_bytes: float  # until folded, all copies
    folded_bytes: float  # of `kept_days`, all copies
    shards: int  # of each job
    head_bytes: int  # of each job
    ledger_bytes: float  # of `kept_days`, all copies
    recount_cores: float  # that keep up with the lines
    fold_cores: float


def need(load: Load, m: Mapping[str, float]) -> Need:
    """Return what a load needs by the measured points `m`. Raises ValueError if its jobs, or any number of them, cannot keep up."""
    numbers = [load.jobs] if load.jobs else [n for n in (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128) if n <= load.services]
    for jobs in numbers:
        one = replace(load, lines_per_s=load.lines_per_s / jobs, services=math.ceil(load.services / jobs))
        partitions = max(4, math.ceil(tasks(one, m) / 4) * 4)
        batch = steady(one, partitions, m)
        if batch.seconds <= (math.inf if load.jobs else load.longest_batch_s):
            return _need(load, one, jobs, partitions, batch, m)
    raise ValueError(f"{numbers[-1]} jobs cannot keep up with {load.lines_per_s:,.0f} lines/s of {load.services:,} services")


def _need(load: Load, one: Load, jobs: int, partitions: int, batch: Batch, m: Mapping[str, float]) -> Need:
    rows = batch.rows_per_s * jobs
    stored = load.lines_per_s * (load.line_bytes + m["record_bytes"]) / m["compression"]
    folded_rows_s = _cells(one, one.lines_per_s * one.pane_s) * load.services / load.pane_s
    folded = folded_rows_s * DAY_S * load.kept_days * m["row_bytes"] * load.replication
    head = head_bytes(partitions)
    ledger = jobs / batch.seconds * DAY_S * load.kept_days * head / m["text_compression"] * load.replication
    deltas = rows * HOUR_S * m["unfolded_h"] * m["row_bytes"] * load.replication
    by_rows = math.ceil(rows * load.replication / (m["node_rows_per_s"] * load.utilisation))
    by_bytes = math.ceil((deltas + folded + ledger) / m["node_bytes"])
    kept = stored * load.replication * load.retention_h * HOUR_S
    written = stored * load.replication
    return Need(
        load=load,
        jobs=jobs,
        batch=batch,
        cores=(tasks(one, m) + 2) * jobs,  # a driver has one for Python and one for its JVM
        partitions=partitions * jobs,
        kafka_write_bytes_s=written,
        kafka_read_bytes_s=2 * stored,
        kafka_bytes=kept,
        brokers=max(load.replication, math.ceil(written / m["broker_bytes_per_s"]), math.ceil(kept / m["broker_bytes"])),
        rows_per_s=rows,
        nodes=max(load.replication, by_rows, by_bytes),
        nodes_by_rows=by_rows,
        nodes_by_bytes=by_bytes,
        delta_bytes=deltas,
        folded_bytes=folded,
        shards=max(4, math.ceil(2 * batch.rows_per_s * HOUR_S * m["row_bytes_in_memory"] / m["partition_bytes"])),
        head_bytes=head,
        ledger_bytes=ledger,
        recount_cores=load.lines_per_s * m["recount_cpu_s"],
        fold_cores=rows * m["fold_cpu_s"],
    )


def tasks(load: Load, m: Mapping[str, float]) -> int:
    """Return the cores that read and parse, busy for `utilisation` of the time."""
    return max(1, math.ceil(load.lines_per_s * m["line_cpu_s"] / load.utilisation))


def steady(load: Load, partitions: int, m: Mapping[str, float]) -> Batch:
    """Return the batch of one job that keeps up; its `seconds` are infinite if it does not.

    A batch has the lines that came during the one before. Its length is where both are equal: the work that does not depend on lines,
    divided by the share of time that the tasks leave. Rows depend on the length, so it is found by repetition.
    """
    seconds, before = load.trigger_s, 0.0
    while seconds - before > 0.001:
        lines = load.lines_per_s * seconds
        panes = 1 + seconds / load.pane_s
        rows = panes * load.services * _cells(load, lines / panes)
        collected = panes * load.services * _collected(load, lines / panes, 1 if load.keyed else partitions)
        serial = m["batch_s"] + collected * m["merge_s"] + rows * m["sum_s"] + rows / m["writer_rows_per_s"]
        before, seconds = seconds, max(seconds, serial / (1 - load.utilisation))
        if seconds > HOUR_S:
            return Batch(math.inf, math.inf, math.inf, math.inf)
    return Batch(lines, seconds, collected, rows)


def _cells(load: Load, lines: float) -> float:
    """Return the rows of one service in one pane: its levels, its signatures up to the cap, and the rest under ~other."""
    each = lines / load.services
    signatures = _different(load.signatures, each * load.error_share)
    return _different(load.levels, each * (1 - load.error_share)) + (load.cap + 1 if signatures > load.cap else signatures)


def _collected(load: Load, lines: float, partitions: int) -> float:
    """Return the rows of one service in one pane as the driver collects them: of each partition, and before the cap."""
    each = lines / load.services
    plain = _different(load.levels * partitions, each * (1 - load.error_share))
    return plain + _different(load.signatures * partitions, each * load.error_share)


def _different(kinds: float, drawn: float) -> float:
    """Return how many of `kinds` are seen in so many draws, all as likely."""
    return kinds * -math.expm1(drawn * math.log1p(-1 / kinds)) if kinds > 1 else min(1.0, drawn)


def head_bytes(partitions: int) -> int:
    """Return the size of a landed head, as it is written twice a batch and kept once in the ledger."""
    offsets = of_source(TOPIC_ID, dict.fromkeys(range(partitions), 10**10))
    times = of_source(TOPIC_ID, dict.fromkeys(range(partitions), 1_768_435_200_000))
    progress = Progress(times, times, 1_768_435_200_000)
    totals = Totals(10**6, dict.fromkeys(("error", "warn", "info", "notice"), 10**5))
    head = Head("error_counts", 1, 1, "a" * 32, 10**6, State.LANDED, 1, 10**16, offsets, offsets, "a" * 12, totals, progress, progress)
    return len(dump(head).encode())
