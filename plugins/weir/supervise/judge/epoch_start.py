"""Where a new epoch begins, and what it leaves out by whose word. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from spark_jobs.protocol.gap import Gap, GapKind, Hole, holes_between
from spark_jobs.protocol.head import Head
from spark_jobs.protocol.partition import Offsets, Partition, identified, labels, of_source, sources_of
from weir.errors import Conflict, DataLoss

Spans = Mapping[Partition, tuple[int, int]]


@dataclass(frozen=True)
class Bounds:
    """What a broker says of all that a job reads at one moment: by partition the first offset still there and the one after the last."""

    earliest: Offsets
    ends: Offsets
    names: Mapping[str, str] = field(default_factory=dict)  # of the topics by id; empty for a job of a single topic

    @property
    def sources(self) -> frozenset[str]:
        """The ids of the topics."""
        return sources_of(self.ends)

    @property
    def topic_id(self) -> str:
        """The id of the only topic; empty if there are several."""
        return next(iter(self.sources)) if len(self.sources) == 1 else ""

    def gone_of(self, head: Head) -> frozenset[str]:
        """The sources that the head reads and that are not there any more. One of an unknown identity is there."""
        return head.sources - self.sources - {""}

    def joining(self, head: Head) -> Offsets:
        """Where the topics begin that the head does not read yet: at their earliest offsets.

        One that has taken the place of a topic that is gone does not join: what was lost between the two is to be accounted for.
        """
        gone = self.gone_of(head)
        replaced = {head.names.get(source) for source in gone} if head.names else set(self.names.values()) if gone else set()
        known = sources_of(head.frontier) | {source for source, name in self.names.items() if name in replaced}
        several = bool(self.names) and "" not in known
        return {p: offset for p, offset in self.earliest.items() if several and p.source not in known}

    def frontier(self, head: Head) -> Offsets:
        """The head's frontier, the partitions of an unknown source as those of the only one that is there."""
        return identified(head.frontier, self.sources)


def of_topic(topic_id: str, earliest: Mapping[int, int], ends: Mapping[int, int]) -> Bounds:
    """Those of a single topic, from offsets by the number of its partitions."""
    return Bounds(of_source(topic_id, earliest), of_source(topic_id, ends))


@dataclass(frozen=True)
class Word:
    """A person's word for leaving something out; `at` in ms."""

    who: str
    reason: str
    at: int


@dataclass(frozen=True)
class Beginning:
    """The offsets that an epoch begins at, by partition, and the gap before them, if there is one. `joined` are those of topics that the
    job has not read before, and `names` those topics by id."""

    offsets: Offsets
    gap: Gap | None = None
    joined: Offsets = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def mark(self) -> str:
        """Changes with what is left out, and in which topics it goes on: what lands meanwhile is no other beginning."""
        told = repr((sorted(sources_of(self.offsets)), self.gap.holes if self.gap else ()))
        return f"m{hashlib.sha256(told.encode()).hexdigest()[:12]}"


def readable(frontier: Offsets, earliest: Offsets, ends: Offsets) -> Offsets:
    """Where reading can go on. What retention took is passed over, a log that was cut is read again from its end, and a partition that was
    added since is read from its beginning."""
    known = {**dict.fromkeys((*earliest, *ends), 0), **frontier}
    first = {p: max(o, earliest.get(p, o)) for p, o in known.items()}
    return {p: min(o, max(ends.get(p, o), earliest.get(p, 0))) for p, o in first.items()}


def lost(frontier: Offsets, earliest: Offsets, ends: Offsets) -> Spans:
    """Spans [from, to) by partition that cannot be read any more; `to` before `from` where a log was cut behind what has landed."""
    return {hole.partition: (hole.start, hole.end) for hole in holes_between(frontier, readable(frontier, earliest, ends))}


def lost_of(head: Head, there: Bounds) -> Spans:
    """The same of what a head reads and of the topics that join it. Topics that are gone, and what has taken their place, are left out."""
    begins, gone = {**there.frontier(head), **there.joining(head)}, there.gone_of(head)
    read = sources_of(begins) - gone if there.names else there.sources
    of_read = [{p: o for p, o in each.items() if p.source in read or not p.source} for each in (begins, there.earliest, there.ends)]
    return lost(*of_read)


def at_frontier(head: Head, there: Bounds) -> Beginning:
    """Exactly where the last landed batch ended; partitions that were added since from their beginning. Raises DataLoss if that is not
    there any more."""
    if there.gone_of(head):
        raise DataLoss(f"The topic of {head.job} was deleted and created again.", f"Run: weir health {head.job}")
    joined = there.joining(head)
    return Beginning({**dict.fromkeys(there.ends, 0), **there.frontier(head), **joined}, None, joined, there.names)


def after_loss(head: Head, there: Bounds, known_ends: Offsets, word: Word) -> Beginning:
    """Where the broker can still be read. `known_ends` is how far the topics were known to reach: of one that is gone, more may have come
    unseen. One that took its place begins at its earliest offset, as a gap.

    Raises Conflict if nothing is lost.
    """
    frontier, gone = there.frontier(head), there.gone_of(head)
    stays = {p: offset for p, offset in frontier.items() if p.source not in gone}
    joined = there.joining(head)
    offsets = readable({**stays, **joined}, there.earliest, there.ends)
    holes = holes_between({**stays, **joined}, offsets)
    if not gone and not holes:
        raise Conflict(f"Nothing of {head.job} is lost.", f"Run: weir health {head.job}")
    unread = _unread(head, gone, known_ends)
    gap = Gap(GapKind.LOSS, (*unread, *holes), word.who, word.reason, word.at, exact=not gone)
    return Beginning(offsets, gap, joined, {**head.names, **there.names} if there.names else there.names)


def _unread(head: Head, gone: Collection[str], known_ends: Offsets) -> tuple[Hole, ...]:
    """What had not landed of topics that are gone, as far as anybody knows."""
    known = {p for p in (*known_ends, *head.frontier) if p.source in gone}
    ends = {p: max(known_ends.get(p, 0), head.end.get(p, 0), head.frontier.get(p, 0)) for p in known}
    ended = {p: offset for p, offset in head.frontier.items() if p.source in gone}
    return tuple(hole for hole in holes_between(ended, ends) if hole.offsets)


def after_batch(head: Head, batch_id: int, there: Bounds, end: Offsets, word: Word) -> Beginning:
    """Behind the batch that follows on what has landed and ends at `end`. Raises Conflict if it is not the next one to land, or no line
    of it can be left out."""
    if batch_id != head.last_landed + 1:
        raise Conflict(f"Batch {batch_id} of {head.job} is not the next one to land: batch {head.last_landed} has landed.", "Judge again.")
    if there.gone_of(head):
        raise Conflict(f"The topic of {head.job} was deleted and created again.", f"Run: weir health {head.job}")
    joined = there.joining(head)
    frontier = {**there.frontier(head), **joined}
    offsets = {**dict.fromkeys(there.ends, 0), **frontier, **identified(end, there.sources)}
    holes = holes_between(frontier, offsets)
    gap = Gap(GapKind.QUARANTINE, holes, word.who, word.reason, word.at) if holes else None
    return Beginning(offsets, gap, joined, there.names)


def in_words(job: str, there: Beginning) -> list[str]:
    """Where an epoch of a job would begin, and what it would leave out."""
    offsets = ", ".join(f"partition {label} at {there.offsets[p]}" for p, label in labels(there.offsets, there.names).items())
    lines = [f"A new epoch of {job} would begin with {offsets}."]
    if there.gap is None:
        return [*lines, "Nothing is left out and nothing is counted twice."]
    more = "" if there.gap.exact else " The deleted topic may have had more lines."
    named = labels((*there.offsets, *(hole.partition for hole in there.gap.holes)), there.names) if there.names else {}
    lines += (_hole_in_words(hole, named.get(hole.partition, str(hole.partition.number))) for hole in there.gap.holes)
    return [*lines, f"That is {there.gap.lines} lines, and stays in the ledger as a gap.{more}"]


def _hole_in_words(hole: Hole, partition: str) -> str:
    if hole.end < hole.start:
        return f"The log of partition {partition} was truncated: it is read again from {hole.end}, and was counted up to {hole.start}."
    return f"Left out for good: partition {partition}, offsets {hole.start} to {hole.end - 1}: {hole.offsets} lines."
