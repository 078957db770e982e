"""Handle a micro-batch: find its ranges, let the job evaluate it, and let the writer claim, write and land it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from spark_jobs.protocol.head import Batch, Offsets, Progress
from spark_jobs.protocol.partition import sources_of
from spark_jobs.protocol.writer import Diverged, E, Sink, W, ranges
from spark_jobs.runtime import hadoop
from spark_jobs.runtime.contract import JobArguments
from spark_jobs.sources import kafka as source
from spark_jobs.sources.file_watch import FileWatch
from spark_jobs.sources.files import UnknownFiles
from spark_jobs.sources.offsets import Named, by_id, parse_plan

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from spark_jobs.runtime.session import Session

LOG = logging.getLogger("weir.driver")
R = TypeVar("R", covariant=True)
Rows = Callable[[], "DataFrame"]  # returns the batch as Spark has it; the native engine never calls it
# Takes places, the bytes to read of each, and an upper bound for arrival times (ms). Returns each record's first bytes and arrival (ms).
Reread = Callable[[Iterable[source.Place], int, int], Mapping[source.Place, tuple[bytes, int]]]


class Closed(Exception):
    """The job should stop, so this batch is left for the next driver."""


class Evaluation(Protocol[R]):
    """How a job evaluates its batches."""

    def __call__(self, rows: Rows, batch: Batch, before: Progress) -> R:
        """Evaluate a batch; `before` is the progress without it. The same lines must give the same result, in any order, at any time."""


@dataclass(frozen=True)
class Job(Generic[E]):
    """What a job provides to the driver."""

    evaluation: Callable[[JobArguments, Reread], Evaluation[E]]  # makes the evaluation, once; `Reread` reads single records again
    sink: Callable[[Session, JobArguments], Sink[E]]  # makes the sink of evaluated batches
    stream: Callable[[SparkSession, JobArguments, source.Pace], DataFrame] = source.stream  # makes what is evaluated batch by batch
    output_mode: str = "append"
    keeps_plans: bool = False  # True: a claim is done again only as Spark planned it
    reads_records: bool = True  # True: it evaluates the source's records as they are, so that a single one can prove that it works


class Lands(Protocol[W]):
    """The writer, as batches use it."""

    def write(self, batch: Batch, evaluate: Callable[[Progress], W]) -> bool:
        """Evaluate and land a micro-batch; False if it had landed before."""


class Tools(Generic[E]):
    """The tools that evaluate batches, made once, so that a standby has them ready when it is called up."""

    def __init__(self, job: Job[E], spark: SparkSession, args: JobArguments) -> None:
        self.spark, self.job, self._args = spark, job, args
        self.evaluate, self.topics = job.evaluation(args, self._reread), source.TopicWatch(spark, args)

    @cached_property
    def _records(self) -> source.Records:
        """Open the reader of single records on first use: few batches need it."""
        return source.Records(self.spark, self._args)

    def _reread(self, places: Iterable[source.Place], most_bytes: int, by_ms: int) -> Mapping[source.Place, tuple[bytes, int]]:
        return self._records.values(places, most_bytes, by_ms)


class Batches(Generic[E]):
    """The function that Spark calls for each micro-batch. Keeps the exception, since Spark hands on only its text."""

    def __init__(self, writer: Lands[E], args: JobArguments) -> None:
        self._writer, self._args = writer, args
        self._tools: Tools[E] | None = None
        self._pace: source.Pace | None = None
        self._ids = dict(args.ids)  # by topic name, of the topics seen so far
        self._turn, self._closed = threading.Lock(), False
        self.failure: BaseException | None = None
        self.batch_id = -1  # the current batch, -1 for none: tells poison from an outage
        self.landed = False  # True once this process has landed a batch

    def equip(self, tools: Tools[E], pace: source.Pace | None = None) -> None:
        """Set the tools, before the first batch. Their session reads the checkpoint. `pace` learns how long batches take."""
        self._tools, self._pace = tools, pace

    def close(self) -> None:
        """Accept no more batches. Returns when the current one has landed."""
        with self._turn:
            self._closed = True

    def close_unless_begun(self) -> bool:
        """As `close`, unless a batch has landed or failed by then: that says more than whatever else went wrong. Return whether it did."""
        with self._turn:
            begun = self.landed or self.failure is not None
            self._closed = self._closed or not begun
            return not begun

    def __call__(self, rows: DataFrame, batch_id: int) -> None:
        with self._turn:
            try:
                self._take(rows, batch_id)
            except BaseException as failure:
                self.failure = failure
                raise

    def _take(self, rows: DataFrame, batch_id: int) -> None:
        if self._closed:
            raise Closed(f"batch {batch_id} is left for the next driver")
        self.batch_id = batch_id
        self._land(rows, batch_id)
        self.batch_id = -1

    def _land(self, rows: DataFrame, batch_id: int) -> None:
        began = time.monotonic()
        batch = self._batch(batch_id)
        landed = self._writer.write(batch, lambda before: self._evaluate(rows, batch, before))
        self.landed = self.landed or landed
        took = time.monotonic() - began
        if self._pace and (landed or not self._args.attempt):  # what had landed before took no time
            self._pace.landed(batch.offsets, took)
        done = "landed" if landed else "had landed" if self._args.attempt else "was rehearsed"
        LOG.info("batch=%d %s %s in %.3f s", batch_id, done, ranges(batch), took)

    def _evaluate(self, rows: DataFrame, batch: Batch, before: Progress) -> E:
        assert self._tools is not None
        if batch.files:
            self._files.require_listed(batch.files)
        evaluated = self._tools.evaluate(lambda: rows, batch, before)
        self._same_topics(batch)
        if batch.files:
            self._files.require_unchanged(batch.files)
        return evaluated

    @cached_property
    def _files(self) -> FileWatch:
        assert self._tools is not None
        return FileWatch(self._tools.spark, self._args.folders, self._read)

    def _same_topics(self, batch: Batch) -> None:
        """Raise Diverged if a topic was replaced. Called after the rows were read: if the ids are the same now, the rows were theirs."""
        assert self._tools is not None
        counted = {name: source for name, source in self._ids.items() if source and source in sources_of(batch.end)}
        for name, now in self._tools.topics.ids(counted).items() if counted else ():
            if now != counted[name]:
                raise Diverged(f"the topic {name} was deleted and created again: its id is {now}, and was {counted[name]}")

    def _batch(self, batch_id: int) -> Batch:
        """Return the ranges that Spark planned for the batch. The file of the batch before says where they start."""
        assert self._tools is not None
        plan, end = self._planned(batch_id)
        if end is None:
            raise Diverged(f"the checkpoint has no ranges for batch {batch_id}")
        start = self._planned(batch_id - 1)[1] if batch_id else self._args.start
        if start is None:
            raise Diverged(f"the checkpoint has no ranges for batch {batch_id - 1}")
        names = {source: name for name, source in self._ids.items() if source in sources_of(end)} if self._args.several else {}
        arrived_by, kept = source.arrived_by(time.time_ns() // 1_000_000), plan if self._tools.job.keeps_plans else b""
        return Batch(batch_id, {p: start.get(p, 0) for p in end}, end, names, arrived_by, kept, self._measured(start, end))

    def _measured(self, start: Offsets, end: Offsets) -> bytes:
        """Return the files of a batch, packed; empty without folders. Raises Diverged if the checkpoint does not list them."""
        try:
            return self._files.measure(start, end) if self._args.folders else b""
        except UnknownFiles as why:
            raise Diverged(str(why)) from why

    def _identified(self, named: Named) -> Offsets:
        """Return the offsets by topic id. For a newly matching topic, ask for the id; it begins at 0, else Spark refuses it."""
        assert self._tools is not None
        if new := named.keys() - self._ids.keys():
            self._ids |= self._tools.topics.ids(new)
        return by_id(named, self._ids)

    def _planned(self, batch_id: int) -> tuple[bytes, Offsets | None]:
        """Return Spark's plan of a batch, and where the batch ends; None if unknown."""
        plan = self._read(f"offsets/{batch_id}")
        named = parse_plan(plan, self._args.folders)
        return plan, self._identified(named) if named else None

    def _read(self, path: str) -> bytes:
        """Return a file of the checkpoint; empty if there is none."""
        assert self._tools is not None
        return hadoop.read(self._tools.spark, f"{self._args.checkpoint}/{path}")
