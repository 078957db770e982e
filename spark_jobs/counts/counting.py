"""The counting job for the driver: its evaluation of batches, and its sink."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from spark_jobs.counts import native
from spark_jobs.counts.cells import SAMPLE_BYTES, RejectedLine
from spark_jobs.counts.deltas import Counted, Deltas
from spark_jobs.counts.options import NATIVE, CountsOptions
from spark_jobs.counts.store import DeltaTables
from spark_jobs.counts.transform import Count, Plan, capped, collected, counted, gathered, sampled
from spark_jobs.counts.zones import require, zones_in
from spark_jobs.protocol.head import Batch, Progress
from spark_jobs.protocol.partition import sources_of
from spark_jobs.runtime.batches import Job, Reread, Rows
from spark_jobs.runtime.contract import JobArguments
from spark_jobs.sources.kafka import READING, arrivals

LOG = logging.getLogger("weir.driver")


def counting(model: type[CountsOptions]) -> Job[Counted]:
    """Return a counting job with options of this model."""
    return Job(
        evaluation=lambda args, reread: Counting(args, args.typed(model), reread),
        sink=lambda session, args: Deltas(DeltaTables(session), args.typed(model).shards),
    )


class Counting:
    """Counts the batches of one job."""

    def __init__(self, args: JobArguments, options: CountsOptions, reread: Reread) -> None:
        """Raises UnknownZone if the driver's Java does not know a time zone of the options."""
        require(zones_in(asdict(options)))
        self._args, self._options, self._reread = args, options, reread
        self._native = _native(args, options)
        self._plan = Plan(options, args.several) if self._native is None else None

    def __call__(self, rows: Rows, batch: Batch, before: Progress) -> Counted:
        ids = {name: source for source, name in batch.names.items()} if self._args.several else self._args.ids
        names = batch.names if self._args.several else dict.fromkeys(sources_of(batch.end), self._args.topic)
        counts = self._counts(rows, batch, ids) if self._native is None else self._native(batch, names)
        return counted(counts, before, self._options, self._samples(counts, names, batch.arrived_by))

    def _counts(self, rows: Rows, batch: Batch, ids: Mapping[str, str]) -> list[Count]:
        """Count with Spark's functions."""
        assert self._plan is not None
        records = arrivals(gathered(rows(), batch.offsets), batch.arrived_by)
        counts = collected(self._plan.counts(records), ids, self._args.several)
        return capped(counts, self._options.signature_cap)

    def _samples(self, counts: Sequence[Count], names: Mapping[str, str], by_ms: int) -> list[RejectedLine]:
        """Read a few rejected lines again. Keeping lines while they are counted would slow down every batch that has none."""
        lines = sampled(counts, self._options.rejected_samples)
        if not lines:
            return []
        places = {(names[line.partition.source], line.partition.number, line.offset): line for line in lines}
        values = self._reread(places, SAMPLE_BYTES, by_ms)
        return [RejectedLine(*at, line.service, line.reason, *values[at]) for at, line in places.items() if at in values]


def _native(args: JobArguments, options: CountsOptions) -> native.NativeEngine | None:
    """Return the native engine; None if the job is counted with Spark's functions, which give the same counts."""
    if options.engine != NATIVE:
        return None
    if why := native.missing():
        LOG.warning(
            "the native engine is not available: %s. Spark's functions count instead: same counts, many times the CPU. Install this "
            "release's weir-native jar and restart the job, or remove -XX:TieredStopAtLevel=1 from spark_conf (docs/engines.md)",
            why,
        )
        return None
    return native.NativeEngine(options, {**READING, **args.kafka_options})
