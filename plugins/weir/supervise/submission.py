"""From a spec and a head to the driver that is to be started. Pure: what exactly is submitted can be read, and tested, here."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from spark_jobs.protocol.head import Head, Offsets, Partition
from spark_jobs.protocol.partition import identified, numbers, sources_of
from spark_jobs.runtime import logs
from spark_jobs.runtime.contract import JobArguments
from weir.addresses import address
from weir.jobs.spec import JobSpec, PlainSpec, counts_of
from weir.ports.attempts import AttemptRow
from weir.ports.cluster import Submission
from weir.ports.source import Subscription
from weir.settings import Settings
from weir.supervise.restart import starved


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


def enlarged(spec: JobSpec, attempts: Sequence[AttemptRow]) -> JobSpec:
    """The spec with its larger memory, if an attempt since the last deploy ran out of the usual one. `attempts` are newest first."""
    if spec.restart.larger_memory is None or not starved(attempts):
        return spec
    return spec.model_copy(update={"resources": spec.resources.model_copy(update={"driver_memory": spec.restart.larger_memory})})


def submission(spec: JobSpec, args: JobArguments, bundle: Path, settings: Settings) -> Submission:
    """The driver to be started, from the code in `bundle`."""
    name = f"weir:{spec.name}:{'standby' if args.standby else args.attempt}"
    found = _submission(spec, name, args.to_argv(), bundle, [bundle], settings)
    return replace(found, env={**found.env, logs.FORMAT: settings.log_format})


def plain_submission(spec: PlainSpec, attempt: int, version: str, checkpoint: str, bundle: Path, settings: Settings) -> Submission:
    """The driver of a plain job, from the code in `bundle`. Its own modules are found as they are beside the script, by executors too."""
    folder = bundle / spec.folder
    values = {
        "checkpoint": checkpoint,
        "kafka": settings.driver_kafka or settings.kafka,
        "topic": ",".join(spec.source.names),
        "pattern": spec.source.pattern,
        "job": spec.name,
        "version": version,
        "folder": str(folder),
    }
    arguments = [filled(text, values) for text in spec.arguments]
    found = _submission(spec, f"weir:{spec.name}:{attempt}", arguments, bundle, [folder, bundle], settings)
    jars = [jar if ":" in jar or jar.startswith("/") else str(folder / jar) for jar in spec.jars]
    return replace(found, main_class=spec.main_class, jars=[*found.jars, *jars])


def filled(text: str, values: Mapping[str, str]) -> str:
    """An argument with its placeholders filled in. Other braces, such as those of JSON, stay."""
    return re.sub(r"\{([A-Za-z_]+)\}", lambda match: values.get(match[1], match[0]), text)


def _submission(spec: JobSpec, name: str, arguments: Sequence[str], bundle: Path, path: Sequence[Path], settings: Settings) -> Submission:
    return Submission(
        name=name,
        application=str(bundle / spec.entry),
        arguments=arguments,
        conf=spec.spark_conf,
        env={
            "PYTHONPATH": os.pathsep.join(map(str, path)),
            "PYSPARK_PYTHON": settings.driver_python,
            "PYSPARK_DRIVER_PYTHON": settings.driver_python,
        },
        jars=[jar for jar in settings.spark_jars.split(",") if jar],
        driver_memory=spec.resources.driver_memory,
        executor_memory=spec.resources.executor_memory,
        executors=spec.resources.executors,
        cores=spec.resources.cores,
    )
