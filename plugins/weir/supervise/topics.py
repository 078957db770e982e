"""What the broker says of all topics that a job reads: of one by name, of several, or of those that match a pattern.

`ask` is for all jobs of a pass at once, and has None for what the broker did not say. All else asks for a single job, and raises.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from spark_jobs.protocol.head import Head
from spark_jobs.protocol.partition import Offsets, of_source
from weir.errors import NotRunning, TopicMissing
from weir.ports.source import Broker, Subscription, TopicSnapshot
from weir.supervise.judge.epoch_start import Bounds, of_topic


@dataclass(frozen=True)
class TopicsSeen:
    """What the broker said of the topics of a job. None for what it did not say.

    `topic_id` is that of a single topic; of a job that may have several, `names` has their names by id.
    """

    ends: Offsets | None = None
    earliest: Offsets | None = None
    topic_id: str | None = None
    names: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Topics:
    """What the broker said of the topics of many jobs. `listed` has the names of all topics, None if it did not list them."""

    each: Mapping[str, TopicSnapshot] = field(default_factory=dict)
    listed: Collection[str] | None = None

    def of(self, reads: Subscription, head: Head | None) -> TopicsSeen:
        """Those of one job."""
        if reads.several:
            return self._several(reads, head)
        topic = self.each.get(reads.single, TopicSnapshot())
        source = topic.topic_id or (head.topic_id if head else "")  # where it does not say of which: that which the head counts
        ends, earliest = (None if o is None else of_source(source, o) for o in (topic.end_offsets, topic.earliest_offsets))
        return TopicsSeen(ends, earliest, topic.topic_id)

    def _several(self, reads: Subscription, head: Head | None) -> TopicsSeen:
        wanted = [name for name in self.listed or () if reads.reads(name)] if reads.pattern else reads.names
        topics = {name: self.each.get(name, TopicSnapshot()) for name in wanted}
        there = {name: topic for name, topic in topics.items() if not topic.missing}
        if (reads.pattern and self.listed is None) or any(topic.topic_id is None for topic in there.values()):
            return TopicsSeen()
        ends = _united((t.topic_id, t.end_offsets) for t in there.values())
        earliest = _united((t.topic_id, t.earliest_offsets) for t in there.values())
        names = {topic.topic_id or "": name for name, topic in there.items()}
        return TopicsSeen(ends and with_lines(ends, earliest or {}, head), earliest, None, names)


def ask(broker: Broker, named: Collection[str], patterns: Collection[str]) -> Topics:
    """Ask for topics by name, and for those that match one of the patterns: one list of names, however many there are. Never raises."""
    listed = None
    if patterns:
        try:
            listed = broker.topic_names()
        except NotRunning:
            listed = None
    every = [Subscription(pattern=pattern) for pattern in patterns]
    matching = {name for name in listed or () if any(reads.reads(name) for reads in every)}
    return Topics(broker.topics({*named, *matching}), listed)


def bounds(broker: Broker, reads: Subscription) -> Bounds:
    """Ask for the bounds of all topics that a job reads. One of several that is not there is left out.

    Raises NotRunning, or its kind TopicMissing: there is none of them.
    """
    if not reads.several:
        topic = reads.single
        return of_topic(broker.topic_id(topic), broker.earliest_offsets(topic), broker.end_offsets(topic))
    names = [name for name in broker.topic_names() if reads.reads(name)] if reads.pattern else reads.names
    told = {name: whole for name, topic in broker.topics(names).items() if (whole := _whole(broker, name, topic)) is not None}
    if not told:
        what = f"No topic matches {reads}." if reads.pattern else f"There is none of the topics {reads}."
        raise TopicMissing(what, "Create one, or correct the source in job.yaml.")
    ends = _united((t.topic_id, t.end_offsets) for t in told.values())
    earliest = _united((t.topic_id, t.earliest_offsets) for t in told.values())
    return Bounds(earliest or {}, ends or {}, {topic.topic_id or "": name for name, topic in told.items()})


def ends_for(broker: Broker, head: Head, reads: Subscription) -> Offsets:
    """Ask for the end offsets of what a job reads. Topics that it does not read yet, and that have nothing to read, are left out.

    Raises NotRunning, or its kind TopicMissing.
    """
    if not reads.several:
        return of_source(head.topic_id, broker.end_offsets(reads.single))
    there = bounds(broker, reads)
    return with_lines(there.ends, there.earliest, head)


def with_lines(ends: Offsets, earliest: Offsets, head: Head | None) -> Offsets:
    """End offsets without those of topics that the head does not read yet and that have nothing to read.

    Who compares them with what has landed would wait for lines that were gone before the topic joined.
    """
    known = head.sources if head else frozenset[str]()
    return {p: end for p, end in ends.items() if p.source in known or end > earliest.get(p, 0)}


def _whole(broker: Broker, name: str, topic: TopicSnapshot) -> TopicSnapshot | None:
    """All of a topic: what was not told at once is asked for by itself. None for one that is not there."""
    if topic.missing or None not in (topic.end_offsets, topic.earliest_offsets, topic.topic_id):
        return None if topic.missing else topic
    try:
        return TopicSnapshot(broker.end_offsets(name), broker.earliest_offsets(name), broker.topic_id(name))
    except TopicMissing:
        return None


def _united(told: Iterable[tuple[str | None, Mapping[int, int] | None]]) -> Offsets | None:
    """Offsets of several topics by partition; None if those of one are unknown."""
    found: Offsets = {}
    for source, offsets in told:
        if offsets is None or source is None:
            return None
        found = {**found, **of_source(source, offsets)}
    return found
