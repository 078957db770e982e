"""The counting job for the driver: its evaluation of batches, and its sink."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from spark_jobs.counts.cells import SAMPLE_BYTES, RejectedLine
from spark_jobs.counts.deltas import Counted, Deltas
from spark_jobs.counts.options import CountsOptions
from spark_jobs.counts.store import DeltaTables
from spark_jobs.counts.transform import Count, Plan, collected, counted, gathered, sampled
from spark_jobs.counts.zones import require, zones_in
from spark_jobs.protocol.head import Batch, Progress
from spark_jobs.runtime.batches import Job, Reread
from spark_jobs.runtime.contract import JobArguments

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


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
        self._args, self._options, self._reread, self._plan = args, options, reread, Plan(options, args.several)

    def __call__(self, rows: DataFrame, batch: Batch, before: Progress) -> Counted:
        ids = {name: source for source, name in batch.names.items()} if self._args.several else self._args.ids
        counts = collected(self._plan.counts(gathered(rows, batch.offsets)), ids, self._args.several)
        return counted(
            counts, before, self._options, self._samples(counts, {source: name for name, source in ids.items()}, batch.arrived_by)
        )

    def _samples(self, counts: Sequence[Count], names: Mapping[str, str], by_ms: int) -> list[RejectedLine]:
        """Read a few rejected lines again. Keeping lines while they are counted would slow down every batch that has none."""
        lines = sampled(counts, self._options.rejected_samples)
        if not lines:
            return []
        places = {(names[line.partition.source], line.partition.number, line.offset): line for line in lines}
        values = self._reread(places, SAMPLE_BYTES, by_ms)
        return [RejectedLine(*at, line.service, line.reason, *values[at]) for at, line in places.items() if at in values]
