"""Kafka: reachable, and the topics that each job reads, with the settings that counting depends on."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

from weir.doctor.clocks import clock
from weir.doctor.line import Line, fine, unknown, wrong
from weir.errors import NotRunning, TopicMissing
from weir.factory import source_of
from weir.jobs.folders import sound
from weir.jobs.kinds import Capability
from weir.jobs.spec import JobSpec
from weir.settings import Settings
from weir.sources.kafka import KafkaBroker

DAY_MS = 24 * 3600 * 1000


def kafka(settings: Settings) -> Iterator[Line]:
    source = source_of(settings)
    there = source.topic_names()
    yield fine("Kafka", f"answers at {settings.kafka}; this user sees {len(there)} topics")
    for job, spec in sorted(sound(*settings.job_folders).items()):
        yield from topics(source, job, spec, set(there))


def topics(source: KafkaBroker, job: str, spec: JobSpec, there: set[str]) -> Iterator[Line]:
    reads = spec.source.subscription
    missing = reads.missing(there)
    for topic in missing:
        advice = f"Create it with message.timestamp.type=LogAppendTime, or run: weir ingest FILE --topic {topic} --create"
        yield wrong(f"topic {topic} of {job}", "it does not exist, or this user may not see it", advice, TopicMissing.code)
    found = sorted(name for name in there if reads.reads(name))
    if not found and reads.pattern:
        yield wrong(f"topics of {job}", f"none matches {reads.pattern}", "Correct source.pattern, or create one.", TopicMissing.code)
    for topic in found:
        yield from _topic(source, job, spec, topic)


def _topic(source: KafkaBroker, job: str, spec: JobSpec, topic: str) -> Iterator[Line]:
    check = f"topic {topic} of {job}"
    ends = source.end_offsets(topic)
    config = _config(source, topic)
    if config is None:
        yield unknown(
            check,
            f"{len(ends)} partitions; this user may not see its settings, or the broker did not answer",
            "Give this user DescribeConfigs on the topic.",
        )
        return
    if spec.kind.can(Capability.COUNTS):
        yield from judged(check, config)
    kept_ms = int(config.get("retention.ms", -1))
    days = "for ever" if kept_ms < 0 else f"for {kept_ms / DAY_MS:.1f} days"
    yield fine(check, f"{len(ends)} partitions; lines are kept {days}")
    yield from _clock(source, topic, ends)


def judged(check: str, config: Mapping[str, str]) -> Iterator[Line]:
    """Judge the settings of a topic that is counted."""
    if config.get("message.timestamp.type") != "LogAppendTime":
        told = "its records have the producer's time (CreateTime): a producer with a wrong clock makes lines late or `future`"
        yield wrong(check, told, "Set message.timestamp.type=LogAppendTime; the command: weir deploy JOB --plan")
    if "compact" in config.get("cleanup.policy", ""):
        told = (
            "it is compacted: Kafka deletes older lines of the same service, also before they are counted, and a recount cannot check them"
        )
        yield wrong(check, told, "Set cleanup.policy=delete; the command: weir deploy JOB --plan")


def _config(source: KafkaBroker, topic: str) -> Mapping[str, str] | None:
    """Return the topic's settings; None if they cannot be read."""
    try:
        return source.topic_config(topic)
    except NotRunning:
        return None


def _clock(source: KafkaBroker, topic: str, ends: Mapping[int, int]) -> Iterator[Line]:
    """Compare the time of the newest records with this clock: only a broker that is ahead can be seen."""
    try:
        times = source.append_times(topic, {p: end - 1 for p, end in ends.items() if end > 0})
    except NotRunning:
        return
    ahead_s = max(times.values(), default=0) / 1000 - time.time()
    if ahead_s > 0:
        yield clock(f"clock of Kafka, by {topic}", ahead_s)
