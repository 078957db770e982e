"""Where a new epoch begins, and what it leaves out by whose word. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from spark_jobs.protocol.gap import Gap, GapKind, Hole, holes_between
from spark_jobs.protocol.head import Head, Offsets
from weir.errors import Conflict, DataLoss

Spans = Mapping[int, tuple[int, int]]


@dataclass(frozen=True)
class Topic:
    """What the broker says of a topic at one moment: its id, and by partition the first offset still there and the one after the last."""

    id: str
    earliest: Offsets
    ends: Offsets


@dataclass(frozen=True)
class Word:
    """A person's word for leaving something out; `at` in ms."""

    who: str
    reason: str
    at: int


@dataclass(frozen=True)
class Beginning:
    """The offsets that an epoch begins at, by partition, in which topic, and the gap before them, if there is one."""

    offsets: Offsets
    topic_id: str
    gap: Gap | None = None

    @property
    def mark(self) -> str:
        """Changes with what is left out, and in which topic it goes on: what lands meanwhile is no other beginning."""
        told = repr((self.topic_id, self.gap.holes if self.gap else ()))
        return f"m{hashlib.sha256(told.encode()).hexdigest()[:12]}"


def readable(frontier: Offsets, earliest: Offsets, ends: Offsets) -> Offsets:
    """Where reading can go on. What retention took is passed over, a log that was cut is read again from its end, and a partition that was
    added since is read from its beginning."""
    known = {**dict.fromkeys((*earliest, *ends), 0), **frontier}
    first = {p: max(o, earliest.get(p, o)) for p, o in known.items()}
    return {p: min(o, max(ends.get(p, o), earliest.get(p, 0))) for p, o in first.items()}


def lost(frontier: Offsets, earliest: Offsets, ends: Offsets) -> Spans:
    """Spans [from, to) by partition that cannot be read any more; `to` before `from` where a log was cut behind what has landed."""
    return {hole.partition: (hole.start, hole.end) for hole in holes_between("", frontier, readable(frontier, earliest, ends))}


def at_frontier(head: Head, topic: Topic) -> Beginning:
    """Exactly where the last landed batch ended; partitions that were added since from their beginning. Raises DataLoss if that is not
    there any more."""
    if topic.id != head.topic_id and head.topic_id:
        raise DataLoss(f"The topic of {head.job} was deleted and created again.", f"Run: weir health {head.job}")
    return Beginning({**dict.fromkeys(topic.ends, 0), **head.frontier}, topic.id)


def after_loss(head: Head, topic: Topic, known_ends: Offsets, word: Word) -> Beginning:
    """Where the broker can still be read. `known_ends` is how far a topic that is gone was known to reach; more may have come unseen.

    Raises Conflict if nothing is lost.
    """
    if topic.id == head.topic_id or not head.topic_id:
        offsets = readable(head.frontier, topic.earliest, topic.ends)
        if not holes_between(topic.id, head.frontier, offsets):
            raise Conflict(f"Nothing of {head.job} is lost.", f"Run: weir health {head.job}")
        return _leaving_out(GapKind.LOSS, holes_between(topic.id, head.frontier, offsets), offsets, topic.id, word)
    ends = {p: max(known_ends.get(p, 0), head.end.get(p, 0), head.frontier.get(p, 0)) for p in known_ends.keys() | head.frontier.keys()}
    unread = tuple(hole for hole in holes_between(head.topic_id, head.frontier, ends) if hole.offsets)
    gone = holes_between(topic.id, {}, topic.earliest)
    gap = Gap(GapKind.LOSS, (*unread, *gone), word.who, word.reason, word.at, exact=False)
    return Beginning(topic.earliest, topic.id, gap)


def after_batch(head: Head, batch_id: int, topic: Topic, end: Offsets, word: Word) -> Beginning:
    """Behind the batch that follows on what has landed and ends at `end`. Raises Conflict if it is not the next one to land, or no line
    of it can be left out."""
    if batch_id != head.last_landed + 1:
        raise Conflict(f"Batch {batch_id} of {head.job} is not the next one to land: batch {head.last_landed} has landed.", "Judge again.")
    if topic.id != head.topic_id and head.topic_id:
        raise Conflict(f"The topic of {head.job} was deleted and created again.", f"Run: weir health {head.job}")
    offsets = {**dict.fromkeys(topic.ends, 0), **head.frontier, **end}
    return _leaving_out(GapKind.QUARANTINE, holes_between(topic.id, head.frontier, offsets), offsets, topic.id, word)


def _leaving_out(kind: GapKind, holes: tuple[Hole, ...], offsets: Offsets, topic_id: str, word: Word) -> Beginning:
    return Beginning(offsets, topic_id, Gap(kind, holes, word.who, word.reason, word.at) if holes else None)


def in_words(job: str, there: Beginning) -> list[str]:
    """Where an epoch of a job would begin, and what it would leave out."""
    offsets = ", ".join(f"partition {p} at {o}" for p, o in sorted(there.offsets.items()))
    lines = [f"A new epoch of {job} would begin with {offsets}."]
    if there.gap is None:
        return [*lines, "Nothing is left out and nothing is counted twice."]
    more = "" if there.gap.exact else " The deleted topic may have had more lines."
    lines += map(_hole_in_words, there.gap.holes)
    return [*lines, f"That is {there.gap.lines} lines, and stays in the ledger as a gap.{more}"]


def _hole_in_words(hole: Hole) -> str:
    if hole.end < hole.start:
        return f"The log of partition {hole.partition} was truncated: it is read again from {hole.end}, and was counted up to {hole.start}."
    return f"Left out for good: partition {hole.partition}, offsets {hole.start} to {hole.end - 1}: {hole.offsets} lines."
