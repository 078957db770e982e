"""The numbers of a job's plots, by window: errors by service from the counts; lag, batch time and watermark from the ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from spark_jobs.protocol.head import Head
from weir.counts.panes import windows
from weir.counts.query import Question, summed
from weir.counts.rules import Rules
from weir.counts.signatures import LEVELS
from weir.counts.times import Span

if TYPE_CHECKING:
    from weir.ports.store import Store
    from weir.supervise.manager import Manager

SERVICES = 5  # with their own line; the others share one
OTHERS = "all others"
BATCHES = 400  # read from the ledger at most: of more, an even sample
Values = Sequence[float | None]  # one a window; None if unknown


@dataclass(frozen=True)
class Axis:
    """Adjacent windows: the first begins at `since` (ms), each is `width` (ms) long."""

    since: int
    width: int
    windows: int

    @classmethod
    def of(cls, span: Span, pane: int) -> Axis:
        width = span.window(pane)
        since = span.since // width * width
        return cls(since, width, -(-(span.until - since) // width))

    @property
    def until(self) -> int:
        return self.since + self.width * self.windows

    def starts(self) -> range:
        return range(self.since, self.until, self.width)

    def index(self, at: int) -> int | None:
        """Return the index of the window that contains the time `at` (ms); None if no window does."""
        return (at - self.since) // self.width if self.since <= at < self.until else None


@dataclass(frozen=True)
class Batches:
    """The worst values of each window, in seconds."""

    lag: Values
    batch_time: Values
    watermark: Values
    read: int  # how many batches were read
    every: int  # one of so many batches was read


def axis_of(manager: Manager[Store], job: str, span: Span) -> Axis:
    """Return the axis of a span. Raises UnknownJob."""
    return Axis.of(span, Rules.of(manager.spec(job)).pane)


def errors_of(manager: Manager[Store], job: str, axis: Axis) -> dict[str, list[int]]:
    """Return errors by window of the SERVICES services with most errors, and of the others together. Raises NotProven, Conflict."""
    question = Question(windows(axis.width, axis.width, axis.width), axis.since, axis.until, by=("service",), levels=LEVELS)
    found: dict[str, Counter[int]] = {}
    for (start, (service,)), n in summed(manager.store, job, question).items():
        found.setdefault(service, Counter())[start] += n
    return ranked({service: [cells[start] for start in axis.starts()] for service, cells in found.items()})


def ranked(services: dict[str, list[int]]) -> dict[str, list[int]]:
    """Return the services with most errors, and all others as one."""
    order = sorted(services, key=lambda service: (-sum(services[service]), service))
    found = {service: services[service] for service in order[:SERVICES]}
    if rest := [services[service] for service in order[SERVICES:]]:
        found[OTHERS] = [sum(column) for column in zip(*rest, strict=True)]
    return found


def batches_of(manager: Manager[Store], job: str, axis: Axis) -> Batches:
    return worst(manager.store.ledger_between(job, axis.since, axis.until, BATCHES), axis)


def worst(batches: Sequence[Head], axis: Axis) -> Batches:
    """Return the worst values by window. `batches` are oldest first."""
    rows: list[list[tuple[float | None, float | None, float | None]]] = [[] for _ in range(axis.windows)]
    for batch in batches:
        if batch.has_batch and (window := axis.index(batch.landed_at)) is not None:
            rows[window].append((lag_s(batch), took_s(batch), behind_s(batch)))
    lag, batch_time, watermark = ([_most([row[i] for row in window]) for window in rows] for i in range(3))
    steps = [b.batch_id - a.batch_id for a, b in pairwise(batches) if a.by == b.by]
    return Batches(lag, batch_time, watermark, sum(len(window) for window in rows), max(steps, default=1))


def lag_s(batch: Head) -> float | None:
    """Return the age of the batch's newest line when the batch landed, in seconds, in the partition where it is highest. None if
    unknown."""
    partitions = [p for p, end in batch.end.items() if end > batch.start.get(p, 0)]
    appended = [batch.progress.append_times.get(p, 0) for p in partitions]
    return (batch.landed_at - min(appended)) / 1000 if appended and all(appended) else None


def took_s(batch: Head) -> float:
    """Return the seconds from the start of reading a batch to its landing; from its claim if the start was not kept."""
    return batch.landed_at / 1000 - (batch.began_at / 1000 if batch.began_at else batch.write_ts / 1e6)


def behind_s(batch: Head) -> float | None:
    """Return by how many seconds the watermark was behind the clock when the batch landed. None if unknown."""
    watermark = batch.progress.watermark
    return (batch.landed_at - watermark) / 1000 if watermark else None


def _most(values: Sequence[float | None]) -> float | None:
    return max((v for v in values if v is not None), default=None)
