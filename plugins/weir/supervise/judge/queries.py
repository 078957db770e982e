"""Compare the checkpoints of a plain job's queries with the broker. Pure.

A job may have several queries in one driver, and one may be dead while the others continue and the driver lives. So each query is judged
by itself, and the job by its worst query.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from weir.ports.checkpoints import Ends, QueryProgress


@dataclass(frozen=True)
class Queries:
    """The queries of one job."""

    found: Sequence[QueryProgress] | None = None  # None: progress is unknown
    ends: Ends = field(default_factory=dict)  # end offsets by topic; a missing topic is unknown
    blind: str = ""  # why progress is unknown
    earliest: Ends = field(default_factory=dict)  # the first offsets that the broker still has, by topic; a missing topic is unknown
    named: Sequence[str] = ()  # the topics that the spec names

    @property
    def known(self) -> Sequence[QueryProgress]:
        return self.found or ()

    @property
    def read_kafka(self) -> bool:
        """Return whether any query is known to read Kafka."""
        return any(map(reads_kafka, self.known))

    @property
    def lag(self) -> int | None:
        """Return the lag of the query that is furthest behind, in lines; None if unknown, or if no query reads Kafka."""
        lags = [self.lag_of(query) for query in self.known if reads_kafka(query)]
        known = [lag for lag in lags if lag is not None]
        return max(known) if known and len(known) == len(lags) else None

    @property
    def committed_at(self) -> int:
        """Return when the newest batch was committed (ms), 0 for none."""
        return max((query.committed_at for query in self.known), default=0)

    @property
    def topics(self) -> frozenset[str]:
        """Return the topics that the checkpoints name."""
        return frozenset(topic for query in self.known for ends in (query.committed_ends, query.planned_ends) for topic in ends or {})

    @property
    def frontier(self) -> Mapping[str, int]:
        """Return where the committed batches end: offsets by topic and partition; for a query without Kafka, its batch."""
        found: dict[str, int] = {}
        for query in self.known:
            prefix = f"{query.folder}: " if len(self.known) > 1 else ""
            offsets = {f"{prefix}{t}/{p}": end for t, ends in (query.committed_ends or {}).items() for p, end in ends.items()}
            found |= offsets or {f"{prefix}batch": query.committed}
        return dict(sorted(found.items()))

    @property
    def offsets(self) -> Mapping[str, int]:
        """Return up to which offsets all queries have committed, by topic and partition."""
        found: dict[str, int] = {}
        for query in self.known:
            for topic, ends in (query.committed_ends or {}).items():
                found |= {at: min(end, found.get(at, end)) for at, end in ((f"{topic}/{p}", end) for p, end in sorted(ends.items()))}
        return found

    @property
    def cut(self) -> Mapping[str, tuple[int, int]]:
        """By topic and partition where the broker's log ends before what was committed, both offsets: ends are asked for after commits."""
        done = [(t, p, o) for query in self.known for t, ends in (query.committed_ends or {}).items() for p, o in ends.items()]
        told = {f"{t}/{p}": (o, self.ends[t][p]) for t, p, o in sorted(done) if t in self.ends and p in self.ends[t]}
        return {label: (committed, end) for label, (committed, end) in told.items() if end < committed}

    @property
    def unread(self) -> Sequence[str]:
        """Return the topics that the spec names and that no query has read, according to the checkpoints, though they have lines."""
        missing = [topic for topic in self.named if topic not in self.topics]
        return [t for t in missing if any(end > self.earliest.get(t, {}).get(p, 0) for p, end in self.ends.get(t, {}).items())]

    @property
    def taken(self) -> Mapping[str, tuple[int, int]]:
        """By topic and partition, the offsets [from, to) that the broker deleted before a query planned to read them."""
        read: dict[tuple[str, int], int] = {}
        for query in self.known:
            for at, offset in _planned(query).items():
                read[at] = min(offset, read.get(at, offset))
        first = {at: self.earliest.get(at[0], {}).get(at[1], 0) for at in read}
        return {f"{t}/{p}": (read[t, p], first[t, p]) for t, p in sorted(read) if first[t, p] > read[t, p]}

    def lag_of(self, query: QueryProgress) -> int | None:
        """Return the lag of a query in lines; None if unknown."""
        done = query.committed_ends
        if done is None or any(topic not in self.ends for topic in done):
            return None
        return sum(max(0, end - done[topic].get(p, 0)) for topic in done for p, end in self.ends[topic].items())

    def waits(self, query: QueryProgress) -> bool | None:
        """Return whether the query has uncommitted work; None if the broker does not answer.

        Without Kafka, only a planned batch is known.
        """
        lag = self.lag_of(query) if reads_kafka(query) else 0
        return None if lag is None else lag > 0 or query.uncommitted >= 0

    def stuck(self) -> QueryProgress | None:
        """Return the query with the oldest unfinished batch:

        the one that failed, if the driver has ended. None if no batch is unfinished.
        """
        return min((q for q in self.known if q.uncommitted >= 0), key=lambda q: (q.committed_at, q.folder), default=None)


def _planned(query: QueryProgress) -> Mapping[tuple[str, int], int]:
    """Return up to where a query has read, or is about to read, by topic and partition."""
    found: dict[tuple[str, int], int] = {}
    for ends in (query.committed_ends or {}, query.planned_ends or {}):
        for at, offset in (((topic, p), offset) for topic, offsets in ends.items() for p, offset in offsets.items()):
            found[at] = max(offset, found.get(at, 0))
    return found


def reads_kafka(query: QueryProgress) -> bool:
    return bool(query.committed_ends or query.planned_ends)


def name(query: QueryProgress) -> str:
    """Return the name of the query for messages."""
    return f"query {query.folder}" if query.folder else "its query"
