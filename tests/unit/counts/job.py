"""A job in memory: lines go to a broker, and the product's own Writer lands what a deliberately simple count makes of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from spark_jobs.counts.cells import HOUR_MS, Delta, RejectedLine
from spark_jobs.counts.deltas import Counted, counting_writer
from spark_jobs.protocol.gap import Gap, GapKind, holes_between
from spark_jobs.protocol.head import Batch, Offsets, Progress, Totals, advance, first_head, rebuilt
from spark_jobs.protocol.partition import Partition, of_source
from weir.counts.rules import Rules
from weir.supervise.start.takeover import rebuild, take_over
from weir.testing import MemoryBroker, MemoryStore
from weir.times import parse_time

JOB = "error_counts"
TOPIC = "logs"
START = parse_time("2026-01-31T12:00:00Z")
RULES = Rules(JOB, TOPIC)
Meaning = tuple[int, str, str] | str  # event time, service and level of a line; or why it is rejected
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


def line(at: int, level: str = "error", message: str = "it broke") -> bytes:
    """A line of the classic form; `at` in ms."""
    t = datetime.fromtimestamp(at / 1000, UTC)
    return f"[Sat {MONTHS[t.month - 1]} {t.day:02} {t:%H:%M:%S} {t.year}] [{level}] {message}".encode()


class Job:
    """Sends lines and lands batches. What it counted is told by the test itself, next to each line: nothing here parses."""

    def __init__(self, partitions: int = 2, shards: int = 2, store: Any = None, name: str = JOB) -> None:
        self.store, self.broker, self.shards, self.name = store or MemoryStore(), MemoryBroker(), shards, name
        self.broker.create(TOPIC, partitions)
        ends = self.broker.end_offsets(TOPIC)
        self.store.create_head(first_head(self.name, of_source(self.broker.topic_id(TOPIC), ends), 1))
        self.meaning: dict[tuple[str, int, int], Meaning] = {}
        self.appended: dict[tuple[str, int, int], int] = {}
        self.now = START
        self.take_over()

    def take_over(self, version: str = "v1") -> None:
        self.version, head = version, self.store.head(self.name)
        assert head is not None
        self._begin(take_over(self.store, self.name, head.attempt).attempt, head.last_landed + 1)

    def rebuild(self) -> None:
        head = self.store.head(self.name)
        assert head is not None
        topic_id = self.broker.topic_id(TOPIC)
        if topic_id == head.topic_id:
            return self.begin_at(head.frontier)
        anew = of_source(topic_id, dict.fromkeys(self.broker.end_offsets(TOPIC), 0))
        self.begin_at(anew, Gap(GapKind.LOSS, (), "ana", "the topic was made again", exact=False))

    def pass_over(self, n: int, kind: GapKind = GapKind.LOSS) -> None:
        """A new epoch that leaves out the next `n` offsets of partition 0; fewer than none if the log was cut."""
        head = self.store.head(self.name)
        assert head is not None
        first = Partition(head.topic_id, 0)
        offsets = {**head.frontier, first: head.frontier[first] + n}
        holes = holes_between(head.frontier, offsets)
        self.begin_at(offsets, Gap(kind, holes, "ana", "it was so", self.now))

    def begin_at(self, offsets: Offsets, gap: Gap | None = None) -> None:
        head = self.store.head(self.name)
        assert head is not None
        self._begin(rebuild(self.store, self.name, head.attempt, lambda head: rebuilt(head, offsets, gap)).attempt, 0)

    def _begin(self, attempt: int, next_batch: int) -> None:
        self.writer = counting_writer(
            self.store, self.name, attempt, f"process-{attempt}", self.version, self.shards, lambda: 1000 * self.now
        )
        self.writer.start()
        self.next_batch = next_batch

    def send(
        self,
        at: int,
        service: str = "web",
        level: str = "error",
        partition: int = 0,
        append: int | None = None,
        claimed: bool = False,
        reason: str | None = None,
    ) -> None:
        """Send a line. `claimed`: the producer set the append time. `reason`: why it will be rejected."""
        when = append if append is not None else at
        self._add(partition, service.encode(), line(at, level), when, reason or (at, service, level), claimed)

    def transaction(self, at: int, lines: int, commit: bool = True, counted: bool | None = None) -> None:
        """Send lines in a transaction to partition 0. They are counted if it commits, unless `counted` says otherwise."""
        for _ in range(lines):
            self.send(at)
        end = self.broker.end_offsets(TOPIC)[0]
        if not (commit if counted is None else counted):
            for offset in range(end - lines, end):
                del self.meaning[self.broker.topic_id(TOPIC), 0, offset]
        self.appended[self.broker.topic_id(TOPIC), 0, end] = at
        self.broker.mark(TOPIC, 0, lines, commit)

    def send_bad(self, value: bytes | None, reason: str, partition: int = 0) -> None:
        self._add(partition, b"web", value, self.now, reason)

    def _add(self, partition: int, key: bytes | None, value: bytes | None, append: int, meaning: Meaning, claimed: bool = False) -> None:
        offset = self.broker.end_offsets(TOPIC)[partition]
        self.appended[self.broker.topic_id(TOPIC), partition, offset] = append
        self.broker.add(TOPIC, partition, key, value, append, claimed)
        self.meaning[self.broker.topic_id(TOPIC), partition, offset] = meaning

    def land(self, arrived_by: int | None = None) -> None:
        """One batch of all that is there. `arrived_by` 0: as an earlier release lands it."""
        head = self.store.head(self.name)
        assert head is not None
        batch = Batch(self.next_batch, head.frontier, of_source(head.topic_id, self.broker.end_offsets(TOPIC)))
        batch = replace(batch, arrived_by=self.now + HOUR_MS if arrived_by is None else arrived_by)
        assert self.writer.write(batch, lambda before: self.count(batch, before))
        self.next_batch += 1

    def count(self, batch: Batch, before: Progress) -> Counted:
        places = [(p, o) for p, end in batch.end.items() for o in range(batch.start.get(p, 0), end)]
        meant = [(p, o, self.meaning[p.source, p.number, o]) for p, o in places if (p.source, p.number, o) in self.meaning]
        cells = Counter((m[0] - m[0] % RULES.pane, m[1], m[2]) for _, _, m in meant if not isinstance(m, str))
        levels: Counter[str] = Counter()
        for (_, _, level), n in cells.items():
            levels[level] += n
        reasons = Counter(m for _, _, m in meant if isinstance(m, str))
        times = {p: max(m[0] for q, _, m in meant if q == p and not isinstance(m, str)) for p, _, m in meant if not isinstance(m, str)}
        deltas = [Delta(pane, service, level, "it broke" if level == "error" else "", n) for (pane, service, level), n in cells.items()]
        samples = [RejectedLine(TOPIC, p.number, o, "web", m, b"?") for p, o, m in meant if isinstance(m, str)]
        late = sum(1 for _, _, m in meant if not isinstance(m, str) and before.watermark is not None and m[0] < before.watermark)
        arrived = {p: max(self.appended[q.source, q.number, o] for q, o in places if q == p) for p, _ in places}
        progress = advance(before, times, arrived, RULES.lateness)
        return Counted(deltas, Totals(len(meant), dict(levels), dict(reasons), late), progress, samples)

    def places(self) -> list[tuple[int, int]]:
        return [(t.hour, t.shard) for t in self.store.hours(self.name)]
