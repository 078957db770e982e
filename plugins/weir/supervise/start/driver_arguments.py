"""Build the arguments that the drivers of all kinds with a ledger have, from spec and head. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from spark_jobs.protocol.head import Head, Offsets, Partition
from spark_jobs.protocol.partition import identified, numbers, sources_of
from spark_jobs.runtime.contract import JobArguments
from weir.addresses import driver_address, driver_kafka_address
from weir.jobs.base_spec import DrivenSpec
from weir.ports.source import Subscription
from weir.settings import Settings


def starting_offsets(head: Head, partitions: Iterable[Partition]) -> Offsets:
    """Return where the epoch began, for a checkpoint without a committed batch.

    Spark wants every partition that the topic has now, and a new one begins at 0. After the first batch Spark ignores these offsets.
    """
    here = list(partitions)
    return {**dict.fromkeys(here, 0), **identified(head.start if head.batch_id <= 0 else head.frontier, sources_of(here))}


def driver_arguments(
    spec: DrivenSpec, head: Head, version: str, checkpoint: str, settings: Settings, partitions: Iterable[Partition] = ()
) -> JobArguments:
    """Return the arguments of the driver of `head.attempt`, without those of its kind alone.

    `partitions` are those that the topics have now, empty if unknown.
    """
    reads, here = spec.source.subscription, list(partitions)
    kafka = driver_kafka_address(settings)
    starts = starting_offsets(head, [p for p in here if p.source in head.sources] if reads.several else here)
    return JobArguments(
        job=spec.name,
        attempt=head.attempt,
        epoch=head.epoch,
        version=version,
        checkpoint=checkpoint,
        bootstrap_servers=kafka.servers,  # for bundles of a release that knows no other way
        kafka=kafka,
        topic=reads.single,
        topic_id=head.topic_id,
        cassandra=driver_address(settings),
        starting_offsets={} if reads.several else numbers(starts),
        topics=_ids(reads, head, here) if reads.several else {},
        topic_pattern=reads.pattern,
        starts={str(p): offset for p, offset in starts.items()} if reads.several else {},
        options=spec.options,
        trigger_s=spec.trigger,
        max_lines_per_batch=spec.limits.lines_per_batch,
    )


def _ids(reads: Subscription, head: Head, here: Iterable[Partition]) -> Mapping[str, str]:
    """Return the ids of the topics that the head reads, by name. A topic that is known to be missing is left out: Spark would not start
    with it."""
    ids = {name: source for source, name in head.names.items() if reads.reads(name)}
    return ids if here else {**dict.fromkeys(reads.names, ""), **ids}
