"""Compute where a new epoch begins and what it leaves out. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from spark_jobs.protocol.gap import Gap, GapKind, Hole, holes_between
from spark_jobs.protocol.head import Head
from spark_jobs.protocol.partition import Offsets, Partition, identified, is_folder, labels, of_source, sources_of
from weir.errors import Conflict, DataLoss

KEPT, EMPTY = "kept", "empty"  # what a new epoch does with the state of a job
Spans = Mapping[Partition, tuple[int, int]]


@dataclass(frozen=True)
class Bounds:
    """The offsets that the broker has of everything that a job reads, at one moment, by partition."""

    earliest: Offsets  # the first offset that is still there
    ends: Offsets  # the offset after the last one that can be read
    names: Mapping[str, str] = field(default_factory=dict)  # topic names by id; empty for a job of a single topic
    log_ends: Offsets = field(default_factory=dict)  # where they are later: ends with the records of open transactions

    @property
    def sources(self) -> frozenset[str]:
        """Return the ids of the topics."""
        return sources_of(self.ends)

    @property
    def reach(self) -> Offsets:
        """Return where the logs end. What has landed beyond `ends` is no truncated log: earlier releases read open transactions."""
        return {p: max(end, self.log_ends.get(p, end)) for p, end in self.ends.items()}

    @property
    def topic_id(self) -> str:
        """Return the id of the only topic; empty if there are several."""
        return next(iter(self.sources)) if len(self.sources) == 1 else ""

    def gone_of(self, head: Head) -> frozenset[str]:
        """Return the sources that the head reads and that no longer exist. A source of unknown identity counts as existing."""
        return head.sources - self.sources - {""}

    def joining(self, head: Head) -> Offsets:
        """Return where topics begin that the head does not read yet: at their earliest offsets.

        A topic that replaces a deleted one of the same name does not join: first an operator must accept what was lost.
        """
        gone = self.gone_of(head)
        replaced = {head.names.get(source) for source in gone} if head.names else set(self.names.values()) if gone else set()
        known = sources_of(head.frontier) | {source for source, name in self.names.items() if name in replaced}
        several = bool(self.names) and "" not in known
        return {p: offset for p, offset in self.earliest.items() if several and p.source not in known}

    def frontier(self, head: Head) -> Offsets:
        """Return the head's frontier. Partitions of an unknown source get the id of the only topic."""
        return identified(head.frontier, self.sources)


def of_topic(topic_id: str, earliest: Mapping[int, int], ends: Mapping[int, int], log_ends: Mapping[int, int] | None = None) -> Bounds:
    """Return the bounds of a single topic, from offsets by partition number."""
    return Bounds(
        of_source(topic_id, earliest),
        of_source(topic_id, ends),
        log_ends=held_back(of_source(topic_id, ends), of_source(topic_id, log_ends or {})),
    )


def held_back(ends: Offsets, log_ends: Offsets) -> Offsets:
    """Return where logs end of which an open transaction holds back the end."""
    return {p: end for p, end in log_ends.items() if p in ends and end > ends[p]}


@dataclass(frozen=True)
class Word:
    """Who decided to leave something out, why, and when (`at`, ms)."""

    who: str
    reason: str
    at: int


@dataclass(frozen=True)
class Beginning:
    """Where an epoch begins."""

    offsets: Offsets  # the first offset, by partition
    gap: Gap | None = None  # what is left out before that; None: nothing
    joined: Offsets = field(default_factory=dict)  # the offsets of topics that the job has not read before
    names: Mapping[str, str] = field(default_factory=dict)  # the names of topics by id
    keeps_state: bool = False  # True: it continues from the state of the last landed batch

    @property
    def mark(self) -> str:
        """Return a mark of the topics and of what is left out. Batches that land meanwhile do not change it."""
        text = repr((sorted(sources_of(self.offsets)), self.gap.holes if self.gap else (), *([True] if self.keeps_state else [])))
        return f"m{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def readable(frontier: Offsets, earliest: Offsets, ends: Offsets) -> Offsets:
    """Return where reading can continue.

    What retention deleted is skipped, a truncated log is read again from its end, and a new partition is read from its beginning.
    """
    known = {**dict.fromkeys((*earliest, *ends), 0), **frontier}
    first = {p: max(o, earliest.get(p, o)) for p, o in known.items()}
    return {p: min(o, max(ends.get(p, o), earliest.get(p, 0))) for p, o in first.items()}


def lost(frontier: Offsets, earliest: Offsets, ends: Offsets) -> Spans:
    """Return the spans [from, to) that can no longer be read, by partition; `to` < `from` if a log was truncated before landed offsets."""
    return {hole.partition: (hole.start, hole.end) for hole in holes_between(frontier, readable(frontier, earliest, ends))}


def lost_of(head: Head, there: Bounds) -> Spans:
    """Return the lost spans of what a head reads and of topics that join. Deleted topics and their replacements are left out."""
    begins, gone = {**there.frontier(head), **there.joining(head)}, there.gone_of(head)
    read = sources_of(begins) - gone if there.names else there.sources
    of_read = [{p: o for p, o in each.items() if p.source in read or not p.source} for each in (begins, there.earliest, there.reach)]
    return lost(*of_read)


def at_frontier(head: Head, there: Bounds) -> Beginning:
    """Begin exactly where the last landed batch ended, and new partitions at their beginning. Raises DataLoss if a topic was deleted."""
    if there.gone_of(head):
        raise DataLoss(f"The topic of {head.job} was deleted and created again.", f"Run: weir health {head.job}")
    joined = there.joining(head)
    return Beginning({**dict.fromkeys(there.ends, 0), **there.frontier(head), **joined}, None, joined, there.names)


def after_loss(head: Head, there: Bounds, known_ends: Offsets, word: Word) -> Beginning:
    """Begin at the first offsets that the broker still has.

    `known_ends` are the last known end offsets; a deleted topic may have had more lines. A topic that replaces it begins at its earliest
    offset, and the rest is a gap.

    Raises Conflict if nothing is lost.
    """
    frontier, gone = there.frontier(head), there.gone_of(head)
    stays = {p: offset for p, offset in frontier.items() if p.source not in gone}
    joined = there.joining(head)
    offsets = readable({**stays, **joined}, there.earliest, there.reach)
    holes = holes_between({**stays, **joined}, offsets)
    if not gone and not holes:
        raise Conflict(f"Nothing of {head.job} is lost.", f"Run: weir health {head.job}")
    unread = _unread(head, gone, known_ends)
    gap = Gap(GapKind.LOSS, (*unread, *holes), word.who, word.reason, word.at, exact=not gone)
    return Beginning(offsets, gap, joined, {**head.names, **there.names} if there.names else there.names)


def _unread(head: Head, gone: Collection[str], known_ends: Offsets) -> tuple[Hole, ...]:
    """Return what had not landed of deleted topics, as far as known."""
    known = {p for p in (*known_ends, *head.frontier) if p.source in gone}
    ends = {p: max(known_ends.get(p, 0), head.end.get(p, 0), head.frontier.get(p, 0)) for p in known}
    ended = {p: offset for p, offset in head.frontier.items() if p.source in gone}
    return tuple(hole for hole in holes_between(ended, ends) if hole.offsets)


def after_batch(head: Head, batch_id: int, there: Bounds, end: Offsets, word: Word) -> Beginning:
    """Begin after the next batch to land, which ends at `end`. Raises Conflict if `batch_id` is another one, or if a topic was deleted."""
    if batch_id != head.last_landed + 1:
        raise Conflict(
            f"Batch {batch_id} of {head.job} is not the next one to land: batch {head.last_landed} has landed.",
            f"Run: weir health {head.job}",
        )
    if there.gone_of(head):
        raise Conflict(f"The topic of {head.job} was deleted and created again.", f"Run: weir health {head.job}")
    joined = there.joining(head)
    frontier = {**there.frontier(head), **joined}
    offsets = {**dict.fromkeys(there.ends, 0), **frontier, **identified(end, there.sources)}
    holes = holes_between(frontier, offsets)
    gap = Gap(GapKind.QUARANTINE, holes, word.who, word.reason, word.at) if holes else None
    return Beginning(offsets, gap, joined, there.names)


def with_state(there: Beginning, head: Head, state: str, word: Word) -> Beginning:
    """Decide whether the epoch keeps the head's state, or gives it up as a gap. `state` is KEPT or EMPTY."""
    if not head.stateful:
        return there
    if state == KEPT:
        return replace(there, keeps_state=True)
    gap = there.gap or Gap(GapKind.STATE, (), word.who, word.reason, word.at)
    return replace(there, gap=replace(gap, gives_up_state=True))


def in_words(job: str, there: Beginning) -> list[str]:
    """Say where an epoch of a job would begin, and what it would leave out."""
    offsets = ", ".join(f"partition {label} at {there.offsets[p]}" for p, label in labels(there.offsets, there.names).items())
    lines = [f"A new epoch of {job} would begin with {offsets}."]
    lines += ["It continues from the state of the last landed batch."] if there.keeps_state else []
    if there.gap is None:
        return [*lines, "Nothing is left out and nothing is counted twice."]
    if there.gap.gives_up_state:
        lines += ["It begins with empty state: the state of earlier records is given up for good. The ledger records that as a gap."]
    if there.gap.kind is GapKind.STATE:
        return lines
    folders, rest = _by_kind(there.gap)
    lines += [f"Left out for good: {hole.offsets} steps of {hole.partition.source}, with the files that they list." for hole in folders]
    if folders and not rest:
        return [*lines, "The ledger keeps them as a gap."]
    more = "" if there.gap.exact else " The deleted topic may have had more lines."
    named = labels((*there.offsets, *(hole.partition for hole in rest)), there.names) if there.names else {}
    lines += (_hole_in_words(hole, named.get(hole.partition, str(hole.partition.number))) for hole in rest)
    return [*lines, f"That is {sum(hole.offsets for hole in rest)} lines; the ledger keeps them as a gap.{more}"]


def _by_kind(gap: Gap) -> tuple[list[Hole], list[Hole]]:
    """Return the holes in folders, and those in topics."""
    folders = [hole for hole in gap.holes if is_folder(hole.partition.source)]
    return folders, [hole for hole in gap.holes if hole not in folders]


def _hole_in_words(hole: Hole, partition: str) -> str:
    if hole.end < hole.start:
        return f"The log of partition {partition} was truncated: reading starts again at {hole.end}; lines up to {hole.start} were counted."
    return f"Left out for good: partition {partition}, offsets {hole.start} to {hole.end - 1}: {hole.offsets} lines."
