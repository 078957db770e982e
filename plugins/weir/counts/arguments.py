"""From a spec and a head to the arguments of the driver of a counting job. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict

from spark_jobs.protocol.head import Head, Offsets, Partition
from spark_jobs.protocol.partition import identified, numbers, sources_of
from spark_jobs.runtime.contract import JobArguments
from weir.addresses import address
from weir.jobs.spec import JobSpec, counts_of
from weir.ports.source import Subscription
from weir.settings import Settings


def starting_offsets(head: Head, partitions: Iterable[Partition]) -> Offsets:
    """Where the epoch began, for a checkpoint that has no committed batch yet. Spark wants every partition that the topic has now, and one
    that was added since begins at 0. Behind the first batch nobody asks any more."""
    here = list(partitions)
    return {**dict.fromkeys(here, 0), **identified(head.start if head.batch_id <= 0 else head.frontier, sources_of(here))}


def arguments(
    spec: JobSpec, head: Head, version: str, checkpoint: str, settings: Settings, partitions: Iterable[Partition] = ()
) -> JobArguments:
    """The typed argument of the driver of `head.attempt`. `partitions` are those that the topic has now, as far as that is known.

    Raises BadInput for a job that does not count.
    """
    counts, reads, here = counts_of(spec), spec.source.subscription, list(partitions)
    starts = starting_offsets(head, [p for p in here if p.source in head.sources] if reads.several else here)
    return JobArguments(
        job=spec.name,
        attempt=head.attempt,
        epoch=head.epoch,
        version=version,
        checkpoint=checkpoint,
        bootstrap_servers=settings.driver_kafka or settings.kafka,
        topic=reads.single,
        topic_id=head.topic_id,
        cassandra=address(settings),
        starting_offsets={} if reads.several else numbers(starts),
        topics=_ids(reads, head, here) if reads.several else {},
        topic_pattern=reads.pattern,
        starts={str(p): offset for p, offset in starts.items()} if reads.several else {},
        options={**counts.options, **asdict(counts.counting)},  # by the names of job.yaml, and by those that release adaf5c8 reads
        trigger_s=counts.trigger,
        max_lines_per_batch=counts.limits.lines_per_batch,
    )


def _ids(reads: Subscription, head: Head, here: Iterable[Partition]) -> Mapping[str, str]:
    """By name the ids of the topics that the head reads. One that is named and not there is left out, where that is known: Spark would not
    start with it."""
    ids = {name: source for source, name in head.names.items() if reads.reads(name)}
    return ids if here else {**dict.fromkeys(reads.names, ""), **ids}
