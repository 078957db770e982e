"""Rehearse a job: run its own code on the newest lines of its topics, without an attempt and without writing to the store."""

from __future__ import annotations

from dataclasses import replace

from spark_jobs.protocol.head import first_head
from spark_jobs.runtime.contract import JobArguments
from weir.counts.arguments import arguments
from weir.jobs.folders import sound
from weir.jobs.spec import JobSpec
from weir.jobs.specs import find
from weir.ports.cluster import Submission
from weir.ports.source import Broker
from weir.settings import OWN_JOBS, Settings
from weir.supervise.start.submission import submission
from weir.supervise.topics import bounds

LINES = 500  # of each partition: the first ones load every class that counting needs


def rehearsal(settings: Settings, job: str, broker: Broker) -> Submission:
    """Return the submission of a driver without an attempt. Raises UnknownJob, BadSpec, NotRunning (Kafka does not answer)."""
    spec = find(sound(*settings.job_folders), job)
    args = newest_lines(spec, "rehearsal", broker, settings)
    asked = submission(spec, args, str(OWN_JOBS.parent), settings)
    return replace(asked, executors=0)


def newest_lines(spec: JobSpec, version: str, broker: Broker, settings: Settings) -> JobArguments:
    """Return the arguments of a driver without an attempt that reads the newest lines. Raises NotRunning if Kafka does not answer."""
    there = bounds(broker, spec.source.subscription)
    start = {p: max(there.earliest.get(p, 0), end - LINES) for p, end in there.ends.items()}
    return arguments(spec, replace(first_head(spec.name, start, 0), names=there.names), version, "", settings, there.ends)
