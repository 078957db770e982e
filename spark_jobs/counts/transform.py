"""Turn a micro-batch of Kafka records into counts: DataFrame in, DataFrame out, and its rows into what is written and recorded.

The DataFrame half is Spark's built-in functions only; the other half is plain Python. Neither looks at a clock or depends on the order of
rows, so a batch that is done again gives the same.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import reduce
from typing import TYPE_CHECKING, NamedTuple

from pyspark.sql import functions as F
from pyspark.sql.types import LongType, StringType

from spark_jobs.counts import reading, signature
from spark_jobs.counts.cap import kept
from spark_jobs.counts.cells import OTHER, UNKNOWN_SERVICE, Delta, RejectedLine
from spark_jobs.counts.deltas import Counted
from spark_jobs.counts.options import CountsOptions
from spark_jobs.counts.signature_options import changes
from spark_jobs.counts.signature_rules import Changes
from spark_jobs.formats.reader import CONTINUATION, Stages
from spark_jobs.protocol.head import Partition, Progress, Totals, advance

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

LONGEST_LINE = 64 * 1024  # bytes; httpd cuts its lines at 8 KiB
FEW = 50_000  # lines of a batch that one task counts by itself; more are worth all cores
NEAR = 2000  # offsets after a partition's first rejected line in which more samples are looked for
BLOCK = 62  # offsets whose rejected lines one row can name: as many as a long has bits for without its sign


class Count(NamedTuple):
    """`n` lines of one partition, either of a pane, level and signature, or not counted for a reason.

    `place` is the start of the pane (ms), or the block of offsets that the rejected lines are in: bit i of `offsets` is set if the line at
    `BLOCK * place + i` is one of them. Both are 0 for continuations, of which no samples are kept. `event_ms` and `append_ms` are the
    largest times; None if other rows of the partition have them.
    """

    partition: Partition
    service: str
    place: int
    level: str | None
    signature: str
    reason: str | None
    n: int
    event_ms: int | None
    append_ms: int | None
    offsets: int


class Rejected(NamedTuple):
    """The place of a rejected line, and the reason."""

    offset: int
    partition: Partition
    service: str
    reason: str


class Plan:
    """The expressions of one job, built once: each call into the JVM costs a third of a millisecond, and there are hundreds of them."""

    def __init__(self, options: CountsOptions, several: bool = False) -> None:
        """Rows are of a topic, too, where there may be `several`: grouping by its name takes time, which a job of one topic is spared."""
        self._judged = [*_refusals(), *reading.stages(options), *_verdict(options.future_skew_s)]
        self._signed = signature.stages(changes(options.signatures), _own_signatures(options))
        self._keys = [
            *([F.col("topic")] if several else []),
            F.col("partition"),
            reading.service(options).alias("service"),
            _place(options.pane_s * 1000),
            *map(F.col, ("level", "signature", "reason")),
        ]
        self._sums = [F.count("*"), F.max("event_ms"), F.max("append_ms"), F.sum(_rejected_bit())]

    def judged(self, records: DataFrame) -> DataFrame:
        """Add to each record the reason for its rejection, or its `level`, `event_ms` and `signature`."""
        return _staged(records, [*self._judged, *self._signed])

    def counts(self, records: DataFrame) -> DataFrame:
        """Return rows for `collected`. `records` come from Spark's Kafka source."""
        return self.judged(records).groupBy(*self._keys).agg(*self._sums)


def gathered(records: DataFrame, lines: int) -> DataFrame:
    """Move a small batch to one partition, to group it without a shuffle: the first shuffle was a part of every start."""
    return records.coalesce(1) if lines <= FEW else records


def _own_signatures(options: CountsOptions) -> list[tuple[Column, Changes]]:
    """Return the services with rules of their own for signatures, each as a condition."""
    own = {name: fields["signatures"] for name, fields in options.services.items() if "signatures" in fields}
    return [
        (reading.service(options).isin(name.encode(), *([b""] if name == UNKNOWN_SERVICE else [])), changes(options.signatures, one))
        for name, one in own.items()
    ]


def _staged(lines: DataFrame, stages: Stages) -> DataFrame:
    return reduce(lambda df, stage: df.withColumns(stage), stages, lines)


def _refusals() -> Stages:
    """Find values that are not parsed. They are empty from here on, which saves all checks for null; `raw` still has them."""
    value, size = F.col("value"), F.octet_length("value")
    refused = (
        F.when(F.coalesce(size, F.lit(0)) == 0, "empty")
        .when(size > LONGEST_LINE, "too_long")
        .when(F.try_validate_utf8(value.cast(StringType())).isNull(), "not_utf8")  # is_valid_utf8 loads Scala's reflection
    )
    return [
        {"refused": refused, "raw": value, "append_ms": F.unix_millis("timestamp")},
        {"value": F.coalesce(F.when(F.col("refused").isNull(), value), F.lit(b""))},
    ]


def _verdict(future_skew_s: int) -> Stages:
    """Find the reason for the rejection of a line, if any; then it has neither time nor level nor message."""
    event_ms = F.col("event_ms")
    future = event_ms > F.col("append_ms") + future_skew_s * 1000
    reason = F.coalesce("refused", "odd", F.when(event_ms.isNull(), "bad_time"), F.when(future, "future"))
    good = F.col("reason").isNull()
    return [{"reason": reason}, {name: F.when(good, F.col(name)) for name in ("event_ms", "level", "message")}]


def _place(width_ms: int) -> Column:
    event_ms = F.col("event_ms")
    pane_start = event_ms - F.pmod(event_ms, F.lit(width_ms))
    block = F.when(F.col("reason") == CONTINUATION, 0).otherwise(F.floor(F.col("offset") / BLOCK))  # one row for all of a flood of traces
    return F.when(F.col("reason").isNull(), pane_start).otherwise(block).alias("place")


def _rejected_bit() -> Column:
    """Return the bit as a power, which is exact; shiftleft takes a column only through the SQL parser."""
    bit = F.pow(F.lit(2), F.col("offset") % BLOCK).cast(LongType())
    rejected = F.col("reason") != CONTINUATION  # null for a line that is counted
    return F.when(rejected, bit).otherwise(F.lit(0).cast(LongType()))


def collected(counts: DataFrame, ids: Mapping[str, str], several: bool = False) -> list[Count]:
    """Collect the rows of `Plan.counts`; `ids` are topic ids by name.

    Services are decoded here: Spark's functions for bytes that are not text cost a driver's start a second.
    """
    if several:
        return [Count(Partition(ids[topic], number), _named(key), *rest) for topic, number, key, *rest in counts.collect()]
    (source,) = ids.values()
    return [Count(Partition(source, number), _named(key), *rest) for number, key, *rest in counts.collect()]


def _named(key: bytes) -> str:
    """Decode a key after it was cut, so that a cut makes at most one replacement character."""
    return bytes(key).decode(errors="replace") if key else UNKNOWN_SERVICE


def frequent(rows: Iterable[Count], cap: int) -> set[tuple[str, str]]:
    """Return the services and signatures to keep."""
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        if row.signature:
            found[row.service][row.signature] += row.n
    return {(service, text) for service, n in found.items() for text in kept(n, cap)}


def capped(rows: Sequence[Count], cap: int) -> list[Count]:
    """Return the rows with OTHER in place of the signatures of a service beyond the cap."""
    stay = frequent(rows, cap)
    return [row if not row.signature or (row.service, row.signature) in stay else row._replace(signature=OTHER) for row in rows]


def counted(rows: Iterable[Count], before: Progress, options: CountsOptions, rejected: Iterable[RejectedLine] = ()) -> Counted:
    """Return the result of a batch from its rows, after the cap, and the progress without it."""
    deltas: Counter[tuple[int, str, str, str]] = Counter()
    levels: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    event_times: dict[Partition, int] = {}
    append_times: dict[Partition, int] = {}
    late = 0
    for row in rows:
        at = row.partition
        if row.append_ms is not None:
            append_times[at] = max(row.append_ms, append_times.get(at, row.append_ms))
        if row.event_ms is not None:
            event_times[at] = max(row.event_ms, event_times.get(at, row.event_ms))
        if row.level is None:
            if row.n:
                reasons[str(row.reason)] += row.n
            continue
        deltas[row.place, row.service, row.level, row.signature] += row.n
        levels[row.level] += row.n
        late += row.n * is_late(row.place, before, options.pane_s)
    totals = Totals(levels.total() + reasons.total(), dict(levels), dict(reasons), late)
    progress = advance(before, event_times, append_times, options.allowed_lateness_s * 1000)
    return Counted([Delta(*cell, n) for cell, n in sorted(deltas.items())], totals, progress, list(rejected))


def sampled(rows: Iterable[Count], most: int) -> list[Rejected]:
    """Return the rejected lines to keep as samples: the first for every reason, and those soon after a partition's first."""
    rejected = sorted(Rejected(o, row.partition, row.service, str(row.reason)) for row in rows for o in offsets_of(row))
    by_reason = {line.reason: line for line in reversed(rejected)}
    by_partition = {line.partition: line.offset for line in reversed(rejected)}
    near = [line for line in rejected if line.offset <= by_partition[line.partition] + NEAR]
    return list(dict.fromkeys([*sorted(by_reason.values()), *near]))[:most]


def offsets_of(row: Count) -> Iterator[int]:
    """Yield the offsets of the rejected lines of a row."""
    return (row.place * BLOCK + i for i in range(BLOCK) if row.offsets >> i & 1)


def is_late(pane_start: int, before: Progress, pane_s: int) -> bool:
    """Return whether the pane had closed before this batch."""
    return before.watermark is not None and pane_start + pane_s * 1000 <= before.watermark
