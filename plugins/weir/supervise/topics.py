"""Ask the broker about the topics that jobs read: one by name, several, or those that match a pattern.

`ask` is for all jobs of a pass at once; None stands for what the broker did not answer. All other functions are for one job, and raise.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from spark_jobs.protocol.head import Head
from spark_jobs.protocol.partition import Offsets, Partition, labels, of_source, unlabelled
from weir.errors import BadInput, BadSetting, NotRunning, TopicMissing
from weir.jobs.source import EARLIEST, Source
from weir.ports.source import Broker, Subscription, TopicSnapshot
from weir.supervise.judge.epoch_start import Bounds, held_back, of_topic
from weir.times import parse_time


@dataclass(frozen=True)
class TopicsSeen:
    """The broker's answer about the topics of one job. None: the broker did not answer."""

    ends: Offsets | None = None
    earliest: Offsets | None = None
    topic_id: str | None = None  # of a job that reads a single topic
    names: Mapping[str, str] | None = None  # topic names by id, of a job that may read several
    log_ends: Offsets = field(default_factory=dict)  # where an open transaction holds back the end: the end with its records
    fault: str = ""  # why something is None; empty: unknown

    def beside(self, unread: Offsets, reads: Subscription, head: Head | None) -> TopicsSeen:
        """Add the folders of the job: each ends so many steps after the head as files are unread there. Unknown numbers are left out."""
        if not reads.folders or self.ends is None or self.earliest is None or self.names is None:
            return self
        there = with_folders(Bounds(self.earliest, self.ends, self.names), reads, head)
        ends = {p: end + unread.get(p, 0) for p, end in there.ends.items()}
        return replace(self, ends=ends, earliest=there.earliest, names=there.names)


@dataclass(frozen=True)
class Topics:
    """The broker's answer about the topics of many jobs."""

    each: Mapping[str, TopicSnapshot] = field(default_factory=dict)  # by topic name
    listed: Collection[str] | None = None  # the names of all topics; None if the broker did not list them
    fault: str = ""  # why they are not listed; empty: unknown

    def of(self, reads: Subscription, head: Head | None) -> TopicsSeen:
        """Return the part for one job."""
        if reads.several:
            return self._several(reads, head)
        topic = self.each.get(reads.single, TopicSnapshot())
        source = topic.topic_id or (head.topic_id if head else "")  # if the broker does not say, the one that the head counts
        ends, earliest = (None if o is None else of_source(source, o) for o in (topic.end_offsets, topic.earliest_offsets))
        held = held_back(ends or {}, of_source(source, topic.log_ends or {}))
        fault = f"it has no topic {reads.single}" if topic.missing else topic.fault
        return TopicsSeen(ends, earliest, topic.topic_id, log_ends=held, fault=fault)

    def _several(self, reads: Subscription, head: Head | None) -> TopicsSeen:
        wanted = [name for name in self.listed or () if reads.reads(name)] if reads.pattern else reads.topics
        topics = {name: self.each.get(name, TopicSnapshot()) for name in wanted}
        there = {name: topic for name, topic in topics.items() if not topic.missing}
        if (reads.pattern and self.listed is None) or any(topic.topic_id is None for topic in there.values()):
            return TopicsSeen(fault=next((topic.fault for topic in there.values() if topic.fault), self.fault))
        ends = _united((t.topic_id, t.end_offsets) for t in there.values())
        earliest = _united((t.topic_id, t.earliest_offsets) for t in there.values())
        names = {topic.topic_id or "": name for name, topic in there.items()}
        read = ends and with_lines(ends, earliest or {}, head)
        return TopicsSeen(read, earliest, None, names, held_back(read or {}, _log_ends(there.values())))


def ask(broker: Broker, named: Collection[str], patterns: Collection[str]) -> Topics:
    """Ask about topics by name, and about those that match a pattern, with one request for the list of names. Never raises."""
    listed, fault = None, ""
    if patterns:
        try:
            listed = broker.topic_names()
        except (NotRunning, BadSetting) as error:
            fault = f"{error.code}: {error.what}"
    every = [Subscription(pattern=pattern) for pattern in patterns]
    matching = {name for name in listed or () if any(reads.reads(name) for reads in every)}
    return Topics(_asked(broker, {*named, *matching}), listed, fault)


def bounds(broker: Broker, reads: Subscription, head: Head | None = None) -> Bounds:
    """Return the bounds of all that a job reads. Of several topics, missing ones are left out. A folder ends where the head has read it.

    Raises NotRunning, or its subclass TopicMissing if none exists.
    """
    if not reads.several:
        return _of_single(broker, reads.single)
    names = [name for name in broker.topic_names() if reads.reads(name)] if reads.pattern else reads.topics
    found = {name: whole for name, topic in _asked(broker, names).items() if (whole := _whole(broker, name, topic)) is not None}
    if not found and (names or not reads.folders):
        what = f"No topic matches {reads}." if reads.pattern else f"None of the topics {reads} exists."
        raise TopicMissing(what, "Create one, or correct the source in job.yaml.")
    ends = _united((t.topic_id, t.end_offsets) for t in found.values())
    earliest = _united((t.topic_id, t.earliest_offsets) for t in found.values())
    ids = {topic.topic_id or "": name for name, topic in found.items()}
    topics = Bounds(earliest or {}, ends or {}, ids, held_back(ends or {}, _log_ends(found.values())))
    return with_folders(topics, reads, head) if reads.folders else topics


def with_folders(there: Bounds, reads: Subscription, head: Head | None) -> Bounds:
    """Add the folders that a job reads, each up to where the head has read it. No file is ever lost, so they begin at 0."""
    folders = [Partition(folder, 0) for folder in reads.folders]
    ends = {p: head.frontier.get(p, 0) if head else 0 for p in folders}
    names = {**there.names, **{folder: folder for folder in reads.folders}}
    return replace(there, earliest={**there.earliest, **dict.fromkeys(folders, 0)}, ends={**there.ends, **ends}, names=names)


def _asked(broker: Broker, names: Collection[str]) -> Mapping[str, TopicSnapshot]:
    return broker.topics(names) if names else {}


def _of_single(broker: Broker, topic: str) -> Bounds:
    """Return the bounds of a topic. Where the log ends is asked first: otherwise lines that come in between would look held back."""
    source, log_ends = broker.topic_id(topic), broker.end_offsets(topic, committed=False)
    return of_topic(source, broker.earliest_offsets(topic), broker.end_offsets(topic), log_ends)


def start_of(broker: Broker, source: Source, there: Bounds) -> Offsets:
    """Return where a job begins that was never deployed. Raises NotRunning, or BadInput if the broker does not have those offsets."""
    if source.start == EARLIEST:
        return there.earliest
    names = there.names or {there.topic_id: source.subscription.single}
    if isinstance(source.start, str):
        moment = parse_time(source.start)
        found = (of_source(topic_id, broker.offsets_at(name, moment)) for topic_id, name in names.items())
        return {p: offset for each in found for p, offset in each.items()}
    given = unlabelled(source.start, {name: topic_id for topic_id, name in names.items()})
    known = {label: p for p, label in labels(there.ends, there.names).items()}
    if unknown := sorted(set(source.start) - known.keys()):
        raise BadInput(f"source.start: there is no partition {', '.join(unknown)}.", f"Partitions: {', '.join(known)}.")
    for label, p in known.items():
        least, most = there.earliest.get(p, 0), there.ends[p]
        if not least <= given.get(p, least) <= most:
            raise BadInput(f"source.start: partition {label} has offsets {least} to {most}, not {given[p]}.", "Correct it in job.yaml.")
    return {**there.earliest, **given}


def ends_for(broker: Broker, head: Head, reads: Subscription) -> Offsets:
    """Return the end offsets of what a job reads, without new topics that have nothing to read.

    Raises NotRunning, or its subclass TopicMissing.
    """
    if not reads.several:
        return of_source(head.topic_id, broker.end_offsets(reads.single))
    there = bounds(broker, reads, head)
    return with_lines(there.ends, there.earliest, head)


def with_lines(ends: Offsets, earliest: Offsets, head: Head | None) -> Offsets:
    """Leave out end offsets of topics that the head does not read yet and that have nothing to read.

    A comparison with what has landed would wait for lines that were deleted before the topic joined.
    """
    known = head.sources if head else frozenset[str]()
    return {p: end for p, end in ends.items() if p.source in known or end > earliest.get(p, 0)}


def _whole(broker: Broker, name: str, topic: TopicSnapshot) -> TopicSnapshot | None:
    """Complete a snapshot: ask again for what is missing in it. None if the topic does not exist."""
    if topic.missing or None not in (topic.end_offsets, topic.earliest_offsets, topic.topic_id):
        return None if topic.missing else topic
    try:
        return TopicSnapshot(broker.end_offsets(name), broker.earliest_offsets(name), broker.topic_id(name))
    except TopicMissing:
        return None


def _log_ends(topics: Iterable[TopicSnapshot]) -> Offsets:
    """Merge where the logs of several topics end, as far as known."""
    return {p: end for topic in topics for p, end in of_source(topic.topic_id or "", topic.log_ends or {}).items()}


def _united(answers: Iterable[tuple[str | None, Mapping[int, int] | None]]) -> Offsets | None:
    """Merge the offsets of several topics; None if those of one are unknown."""
    found: Offsets = {}
    for source, offsets in answers:
        if offsets is None or source is None:
            return None
        found = {**found, **of_source(source, offsets)}
    return found
