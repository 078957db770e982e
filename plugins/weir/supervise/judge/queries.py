"""How far the queries of a job have come that nothing fences: what their checkpoints say against the broker. Pure.

A job may have several queries in one driver, and one of them may be dead while the others go on and the driver lives. So each is judged by
itself, and the job is as well as its worst query.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from weir.ports.checkpoints import Ends, QueryProgress


@dataclass(frozen=True)
class Queries:
    """`found` is None where progress cannot be seen, and `blind` says why. `ends` are the topics' end offsets: one that is not in it, the
    broker did not tell of."""

    found: Sequence[QueryProgress] | None = None
    ends: Ends = field(default_factory=dict)
    blind: str = ""

    @property
    def known(self) -> Sequence[QueryProgress]:
        return self.found or ()

    @property
    def read_kafka(self) -> bool:
        """Does any query read Kafka, as far as is known?"""
        return any(map(reads_kafka, self.known))

    @property
    def lag(self) -> int | None:
        """Lines that wait for the query that has most to do; None if that is not known, or no query reads Kafka."""
        lags = [self.lag_of(query) for query in self.known if reads_kafka(query)]
        known = [lag for lag in lags if lag is not None]
        return max(known) if known and len(known) == len(lags) else None

    @property
    def committed_at(self) -> int:
        """When the newest batch was committed (ms), 0 for none."""
        return max((query.committed_at for query in self.known), default=0)

    @property
    def topics(self) -> frozenset[str]:
        """What the checkpoints name."""
        return frozenset(topic for query in self.known for ends in (query.committed_ends, query.planned_ends) for topic in ends or {})

    @property
    def frontier(self) -> Mapping[str, int]:
        """Where the committed batches end: offsets by topic and partition, and of a query without Kafka its batch."""
        found: dict[str, int] = {}
        for query in self.known:
            prefix = f"{query.folder}: " if len(self.known) > 1 else ""
            offsets = {f"{prefix}{t}/{p}": end for t, ends in (query.committed_ends or {}).items() for p, end in ends.items()}
            found |= offsets or {f"{prefix}batch": query.committed}
        return dict(sorted(found.items()))

    @property
    def offsets(self) -> Mapping[str, int]:
        """How far all queries have committed what they read, by topic and partition."""
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

    def lag_of(self, query: QueryProgress) -> int | None:
        """Lines that wait for a query; None if that is not known."""
        done = query.committed_ends
        if done is None or any(topic not in self.ends for topic in done):
            return None
        return sum(max(0, end - done[topic].get(p, 0)) for topic in done for p, end in self.ends[topic].items())

    def waits(self, query: QueryProgress) -> bool | None:
        """Is there something that the query has not committed? None if the broker does not tell; of a query without Kafka, only a planned
        batch is known."""
        lag = self.lag_of(query) if reads_kafka(query) else 0
        return None if lag is None else lag > 0 or query.uncommitted >= 0

    def stuck(self) -> QueryProgress | None:
        """The query whose batch at work is the oldest: the one that failed, if the driver has ended. None if no batch is at work."""
        return min((q for q in self.known if q.uncommitted >= 0), key=lambda q: (q.committed_at, q.folder), default=None)


def reads_kafka(query: QueryProgress) -> bool:
    return bool(query.committed_ends or query.planned_ends)


def name(query: QueryProgress) -> str:
    """As people are told of it."""
    return f"query {query.folder}" if query.folder else "its query"
