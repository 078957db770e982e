"""Find when the first unread record of each partition was appended, if retention may soon delete it.

The append time of what has landed is a lower bound without a request: a topic keeps its records in the order in which they were appended.
Only if that bound is near, as after a long silence, look at the record itself: a consumer takes a tenth of a second to open.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from spark_jobs.protocol.head import Head, Offsets, base_progress
from spark_jobs.protocol.partition import Partition, identified, numbers, of_source, sources_of
from weir.errors import WeirError
from weir.ports.source import Broker, Retention, Subscription
from weir.supervise.time_budget import TimeBudget
from weir.supervise.topics import TopicsSeen

CLOSE_MS = 7_200_000  # nearer than this, the record itself is looked at
AGAIN_MS = 30_000  # between two looks at a topic
SETTING_MS = 300_000  # between two looks at a topic's configuration


@dataclass
class _Known:
    """The last answers about a topic, and when they came."""

    asked: int = 0
    retention: Retention | None = None
    looked: int = 0
    times: Offsets = field(default_factory=dict)


@dataclass(frozen=True)
class Kept:
    """The retention of the topics of a job."""

    single: Retention | None = None  # of a job that reads a single topic
    unread_since: Offsets = field(default_factory=dict)  # when the first unread record was appended (ms), by partition
    by_source: Mapping[str, Retention] = field(default_factory=dict)  # by topic id, of a job that may read several


class RetentionWatch:
    def __init__(self, broker: Broker, budget: TimeBudget) -> None:
        self._broker, self._budget, self._known = broker, budget, dict[str, _Known]()

    def look(self, reads: Subscription, head: Head | None, topics: TopicsSeen, now: int) -> Kept:
        """Return the retention, and when the first unread record of each partition was appended at the earliest (ms); empty without lag."""
        if not reads.several:
            return Kept(*self._topic(reads.single, head, topics.ends, now))
        retentions: dict[str, Retention] = {}
        unread_since: dict[Partition, int] = {}
        for source, name in (topics.names or {}).items():
            ends = {p: end for p, end in (topics.ends or {}).items() if p.source == source}
            retention, since = self._topic(name, head, ends, now)
            retentions |= {source: retention} if retention else {}
            unread_since |= since
        return Kept(None, unread_since, retentions)

    def _topic(self, topic: str, head: Head | None, ends: Offsets | None, now: int) -> tuple[Retention | None, Offsets]:
        frontier = identified(head.frontier, sources_of(ends)) if head and ends else {}
        unread = {p: frontier.get(p, 0) for p, end in (ends or {}).items() if end > frontier.get(p, 0)} if head else {}
        if not unread or head is None:
            return None, {}
        known = self._known.setdefault(f"{head.job}/{topic}", _Known())
        if now - known.asked >= SETTING_MS and self._budget.left():
            known.asked, known.retention = now, self._retention(topic)
        if known.retention is None or known.retention.ms is None:
            return known.retention, {}
        landed = identified(base_progress(head).append_times, sources_of(unread))
        close = {p: o for p, o in unread.items() if landed.get(p, 0) + known.retention.ms - now < CLOSE_MS}
        return known.retention, {**{p: landed[p] for p in unread if p not in close}, **self._times(topic, known, close, now)}

    def _times(self, topic: str, known: _Known, close: Offsets, now: int) -> Offsets:
        if close and now - known.looked >= AGAIN_MS and self._budget.left():
            known.looked = now
            try:
                (source,) = sources_of(close)
                known.times = of_source(source, self._broker.append_times(topic, numbers(close)))
            except WeirError:
                known.times = {}
        return {p: at for p, at in known.times.items() if p in close}

    def _retention(self, topic: str) -> Retention | None:
        try:
            return self._broker.retention(topic)
        except WeirError:
            return None
