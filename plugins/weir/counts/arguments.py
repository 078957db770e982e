"""Build the arguments of a counting job's driver from its spec and head. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, replace

from spark_jobs.protocol.head import Head, Partition
from spark_jobs.runtime.contract import JobArguments
from weir.jobs.spec import JobSpec, counts_of
from weir.settings import Settings
from weir.supervise.start.driver_arguments import driver_arguments


def arguments(
    spec: JobSpec, head: Head, version: str, checkpoint: str, settings: Settings, partitions: Iterable[Partition] = ()
) -> JobArguments:
    """Return the arguments of the driver of `head.attempt`. `partitions` are those that the topic has now, empty if unknown.

    Raises BadInput for a job that does not count.
    """
    counts = counts_of(spec)
    found = driver_arguments(counts, head, version, checkpoint, settings, partitions)
    # By the names of job.yaml, and by those that release adaf5c8 reads.
    return replace(found, options={**counts.options, **asdict(counts.counting)})
