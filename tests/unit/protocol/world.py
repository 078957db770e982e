"""A world in which the product's own protocol code is interleaved at every call to the store, and killed between any two.

Each process (driver, takeover, rebuild, fold, sweep, reader) is a greenlet that runs real code against `Paused`, which hands control back
before each call. To kill a process is never to resume it. Spark is a checkpoint folder: offsets and commits, copied at a takeover as a
supervisor would copy it while a zombie may still be writing.
"""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from greenlet import greenlet

from spark_jobs.counts.cells import Delta, hour_of, shard_of
from spark_jobs.counts.deltas import Counted, counting_writer
from spark_jobs.protocol.gap import Gap, GapKind, holes_between
from spark_jobs.protocol.head import (
    Batch,
    Head,
    Landed,
    Offsets,
    Partition,
    Progress,
    State,
    Totals,
    advance,
    extended,
    first_head,
    landed,
    rebuilt,
    with_joined,
    with_sources,
)
from spark_jobs.protocol.partition import sources_of
from spark_jobs.protocol.writer import Diverged, Superseded
from weir.counts import fold as folding
from weir.counts import read as reading
from weir.counts import rollup, sweep
from weir.counts.read import Grain
from weir.errors import Conflict
from weir.ports.counts import Cell
from weir.supervise.start.takeover import rebuild, take_over

PARTITIONS = (Partition("topic", 0), Partition("topic", 1))
LATE = Partition("late", 0)  # of a topic that joins the job in the middle of its life
SHARDS = 2
HOUR = 3_600_000
JOB = "counts"
LATENESS = 60_000
SEEN = (
    *("landed", "skipped", "superseded", "diverged", "gone", "refused", "joined", "lost", "quarantined"),
    *("folded", "rolled", "overtaken", "read", "read by hours", "read by days", "read from rolls"),
)


class Paused:
    """A store whose every method first hands control to the scheduler."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def plain_head(self, job: str) -> Head | None:
        """A plain read may show an older head, so others run between the read and its answer."""
        head: Head | None = self._store.plain_head(job)
        pause("plain_head")
        return head

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        if not callable(method):
            return method

        def call(*args: Any) -> Any:
            pause(name)
            answer = method(*args)
            return list(answer) if isinstance(answer, Iterator) else answer

        return call


def pause(before: str = "") -> None:
    """Hand control back; whoever resumed this process is told which call to the store comes next."""
    greenlet.getcurrent().parent.switch(before)


def line_at(partition: Partition, offset: int) -> tuple[int, str, str]:
    """Which pane, service and level a line is, from its place alone: the truth that needs no job. Hours come back, so lines are late."""
    hour = (offset // 3 + partition.number) % 2
    return hour * HOUR + 10_000 * (offset % 2), f"s{offset % 3}", "error" if offset % 4 else "info"


def count(batch: Batch, before: Progress) -> Counted:
    """What Spark would make of a batch."""
    lines = [(p, line_at(p, o)) for p, end in batch.end.items() for o in range(batch.start.get(p, 0), end)]
    cells: dict[tuple[int, str, str], int] = {}
    for _, line in lines:
        cells[line] = cells.get(line, 0) + 1
    levels: dict[str, int] = {}
    for (_, _, level), n in cells.items():
        levels[level] = levels.get(level, 0) + n
    times = {p: max(line[0] for q, line in lines if q == p) for p in {p for p, _ in lines}}
    deltas = [Delta(pane, service, level, "", n) for (pane, service, level), n in cells.items()]
    return Counted(deltas, Totals(len(lines), levels), advance(before, times, times, LATENESS))


class Gone(Exception):
    """Spark does not find offsets that it has planned: the query ends."""


class Refused(Exception):
    """Spark finds a partition that it does not know, and that does not begin at 0: the query ends."""


class Checkpoint:
    def __init__(self, start: Offsets, offsets: dict[int, Offsets] | None = None, commits: set[int] | None = None) -> None:
        self.start = dict(start)
        self.offsets = dict(offsets or {})
        self.commits = set(commits or ())

    def end_of(self, batch_id: int) -> Offsets:
        return self.offsets.get(batch_id, self.start)


class World:
    """The source, the checkpoints, the store and the processes. Every choice is drawn from `rng`."""

    def __init__(self, store: Any, rng: random.Random) -> None:
        self.rng, self.raw, self.store = rng, store, Paused(store)
        self.end = dict.fromkeys(PARTITIONS, 0)
        self.earliest = dict.fromkeys(PARTITIONS, 0)
        self.offered: set[int] = set()  # where the late topic began whenever a supervisor looked
        self.passed: list[Gap] = []  # the gaps that epochs really began with, in order
        self.checkpoints: dict[int, Checkpoint] = {}
        self.drivers: list[greenlet] = []
        self.others: list[greenlet] = []
        self.ids = itertools.count()
        self.clock = itertools.count(1_000)
        self.seen = dict.fromkeys(SEEN, 0)
        store.create_head(first_head(JOB, dict.fromkeys(PARTITIONS, 0), 1))

    def appear(self, begins: int, n: int) -> None:
        """A topic newly matches that has lost its first lines already, and gets more."""
        if LATE not in self.end:
            self.earliest[LATE], self.end[LATE] = begins, begins
        self.end[LATE] += n

    def forget(self, partition: Partition, n: int) -> None:
        """As retention does."""
        self.earliest[partition] = min(self.earliest[partition] + n, self.end[partition])

    # processes

    def spawn_driver(self, attempt: int) -> None:
        self.drivers.append(greenlet(lambda: self._driver(attempt)))

    def spawn(self, work: Callable[[], None]) -> None:
        self.others.append(greenlet(work))

    def step(self, process: greenlet) -> None:
        process.switch()
        for pool in (self.drivers, self.others):
            if process.dead and process in pool:
                pool.remove(process)

    def finish(self, work: Callable[[], None]) -> None:
        """Do some work from its beginning to its end, with nothing in between."""
        self._finish(greenlet(work))

    def drain(self) -> None:
        """Let the drivers land all lines that are there."""
        while not self.drained():
            for process in list(self.drivers):
                self.step(process)

    def _driver(self, attempt: int) -> None:
        checkpoint = self.checkpoints[attempt]
        writer = counting_writer(self.store, JOB, attempt, f"i{next(self.ids)}", "v1", SHARDS, lambda: next(self.clock))
        try:
            writer.start()
            while True:
                pause()
                batch = self._next_batch(checkpoint)
                if batch is None:
                    continue
                landed_now = writer.write(batch, lambda before, b=batch: self._count(b, before))
                self.seen["landed" if landed_now else "skipped"] += 1
                for _ in range(3):  # between landing and Spark's commit there is time for a takeover
                    pause()
                checkpoint.commits.add(batch.batch_id)
        except Superseded:
            self.seen["superseded"] += 1
        except Gone:
            self.seen["gone"] += 1
        except Refused:
            self.seen["refused"] += 1
        except Diverged:
            self.seen["diverged"] += 1
            self.spawn(lambda: self.rebuild())

    def _count(self, batch: Batch, before: Progress) -> Counted:
        if any(self.earliest[p] > batch.start.get(p, 0) for p, end in batch.end.items() if end > batch.start.get(p, 0)):
            raise Gone(batch)
        return count(batch, before)

    def _next_batch(self, checkpoint: Checkpoint) -> Batch | None:
        """As Spark does: the last planned batch again if it was not committed, else plan the next one."""
        last = max(checkpoint.offsets, default=-1)
        if last < 0 or last in checkpoint.commits:
            start = checkpoint.end_of(last)
            room = {p: self.end[p] - start.get(p, 0) for p in self.end}
            if not any(room.values()):
                return None
            end = {p: start.get(p, 0) + self.rng.randint(0, n) for p, n in room.items()}
            if end == dict(start):
                return None
            last += 1
            self._known(start, end)
            checkpoint.offsets[last] = end
        self._known(checkpoint.end_of(last - 1), checkpoint.offsets[last])
        return Batch(last, checkpoint.end_of(last - 1), checkpoint.offsets[last])

    def _known(self, start: Offsets, end: Offsets) -> None:
        if any(self.earliest[p] for p in end.keys() - start.keys()):
            raise Refused(end)

    def take_over(self) -> None:
        head = self.store.head(JOB)
        begins = {p: offset for p, offset in self.earliest.items() if p.source not in sources_of(head.frontier)}
        self.offered |= set(begins.values())
        try:
            new = take_over(self.store, JOB, head.attempt, join=lambda head: self.joined(head, begins))
        except Conflict:
            return
        self.seen["joined"] += bool(begins)
        pause()
        older = [a for a in self.checkpoints if a < new.attempt]
        if not older:
            self.checkpoints[new.attempt] = Checkpoint(head.frontier)
        else:
            self.checkpoints[new.attempt] = self._continued(self._torn_copy(self.checkpoints[max(older)]), new)
        pause()
        self.spawn_driver(new.attempt)

    def joined(self, head: Head, begins: Offsets) -> Head:
        return with_sources(head, {p: offset for p, offset in begins.items() if p.source not in sources_of(head.frontier)}, {})

    def _continued(self, copy: Checkpoint, head: Head) -> Checkpoint:
        """With the topics that have joined since."""
        return Checkpoint(extended(copy.start, head), {n: extended(end, head) for n, end in copy.offsets.items()}, copy.commits)

    def _torn_copy(self, source: Checkpoint) -> Checkpoint:
        offsets = dict(source.offsets)
        pause()  # a zombie may go on writing between the two folders
        commits = set(source.commits) & set(offsets)
        newest = max(offsets, default=-1)
        if self.rng.random() < 0.15 and newest not in commits:
            offsets.pop(newest, None)  # its last file was torn
        if self.rng.random() < 0.1:  # an older copy of the folder was restored
            keep = self.rng.randint(-1, newest)
            offsets = {b: e for b, e in offsets.items() if b <= keep}
            commits = {b for b in commits if b <= keep}
        commits |= {b for b in offsets if b < max(offsets, default=0)}
        return Checkpoint(source.start, offsets, commits)

    def rebuild(self) -> None:
        head = self.store.head(JOB)
        try:
            new = rebuild(self.store, JOB, head.attempt, lambda head: rebuilt(head, head.frontier))
        except Conflict:
            return
        pause()
        self.checkpoints[new.attempt] = Checkpoint(new.end)
        pause()
        self.spawn_driver(new.attempt)

    def accept_loss(self) -> None:
        """A person gives up what the broker no longer has."""
        self._leave_out(GapKind.LOSS, lambda head: {p: max(o, self.earliest[p]) for p, o in head.frontier.items()})

    def quarantine(self) -> None:
        """A person leaves out the batch that is claimed, exactly."""
        self._leave_out(GapKind.QUARANTINE, lambda head: dict(head.end))

    def _leave_out(self, kind: GapKind, begins: Callable[[Head], dict[Partition, int]]) -> None:
        def begin(head: Head) -> Head:
            holes = holes_between(head.frontier, begins(head))
            return rebuilt(head, begins(head), Gap(kind, holes, "ana", "it was so") if holes else None)

        head = self.store.head(JOB)
        try:
            new = rebuild(self.store, JOB, head.attempt, begin)
        except Conflict:
            return
        if new.gap:
            self.passed.append(new.gap)
            self.seen["lost" if kind is GapKind.LOSS else "quarantined"] += 1
        pause()
        self.checkpoints[new.attempt] = Checkpoint(new.end)
        pause()
        self.spawn_driver(new.attempt)

    def fold(self, at: tuple[int, int]) -> None:
        result = folding.fold(self.store, JOB, at, f"r{next(self.ids)}", next(self.clock))
        self.seen["folded"] += result.outcome is folding.Outcome.PUBLISHED

    def sweep(self, at: tuple[int, int]) -> None:
        sweep.sweep(self.store, JOB, at, next(self.clock))

    def roll_up(self, shard: int) -> None:
        result = rollup.roll_up(self.store, JOB, (0, shard), f"r{next(self.ids)}", next(self.clock))
        self.seen["rolled"] += result.outcome is folding.Outcome.PUBLISHED
        self.seen["overtaken"] += result.outcome is folding.Outcome.OVERTAKEN

    def sweep_rolls(self) -> None:
        sweep.sweep_rolls(self.store, JOB, next(self.clock))

    def read(self, at: tuple[int, int]) -> None:
        """A reader between any two steps of the others: its sums must be the truth of some moment between its start and its end."""
        before = len(self.heads())
        cells = reading.read(self.store, JOB, at)
        heads = self.heads()
        moments = [self.truth(at, heads[:n]) for n in range(before, len(heads) + 1)]
        assert cells in moments, (at, cells, moments)
        self.seen["read"] += 1

    def read_all(self, grain: Grain) -> None:
        """A reader of everything at once, from roll-ups where it may: the truth as of its head, which was read meanwhile."""
        before = len(self.heads())
        taken = reading.read_span(self.store, JOB, None, None, grain)
        heads = [h for h in self.heads() if (h.by, h.batch_id) <= (taken.head.by, taken.head.last_landed)]
        assert before <= len(heads)
        cells: Counter[Cell] = sum(taken.cells.values(), Counter())
        truth: Counter[Cell] = Counter()
        for place in itertools.product((0, HOUR), range(SHARDS)):
            for (pane, *kind), n in self.truth(place, heads).items():
                truth[(pane - pane % grain, *kind)] += n
        assert cells == truth, (grain, cells, truth)
        self.seen["read by days" if grain is Grain.DAY else "read by hours"] += 1
        self.seen["read from rolls"] += bool(taken.days)

    # the truth

    def heads(self) -> list[Head]:
        """All landed batches and gaps, oldest first."""
        head = self.raw.head(JOB)
        found = {(h.by, h.batch_id): h for h in self.raw.ledger(JOB)}
        if head.state is State.LANDED and (head.has_batch or head.gap):
            found[head.by, head.batch_id] = head
        return [found[k] for k in sorted(found)]

    def truth(self, at: tuple[int, int], heads: list[Head]) -> dict[tuple[int, str, str, str], int]:
        cells: dict[tuple[int, str, str, str], int] = {}
        for p, start, end in ((p, h.start.get(p, 0), end) for h in heads for p, end in h.end.items()):
            for o in range(start, end):
                pane, service, level = line_at(p, o)
                if (hour_of(pane), shard_of(service, SHARDS)) == at:
                    cells[pane, service, level, ""] = cells.get((pane, service, level, ""), 0) + 1
        return cells

    def check_ledger(self) -> None:
        """Landed ranges join without overlap, nothing but the gaps that were asked for lies between, and the spans that readers filter by
        are exactly the landed batches."""
        rows = self.heads()
        frontier: Offsets = dict.fromkeys(PARTITIONS, 0)
        for h in rows:
            frontier = with_joined(frontier, h)
            between = {p: (frontier.get(p, 0), start) for p, start in h.start.items() if frontier.get(p, 0) != start}
            assert between == ({x.partition: (x.start, x.end) for x in h.gap.holes} if h.gap else {}), (h, frontier)
            frontier = h.end
        assert [h.gap for h in rows if h.gap] == self.passed
        heads = [h for h in rows if h.has_batch]
        spans: Landed = landed(self.raw.head(JOB), self.raw.firsts(JOB))
        positions = [(a, b) for a, (first, last) in sorted(spans.spans.items()) for b in range(first, last + 1)]
        assert positions == [(h.by, h.batch_id) for h in heads]
        assert spans.newest == (positions[-1] if positions else None)
        assert [h.write_ts for h in heads] == sorted({h.write_ts for h in heads})
        assert all(h.totals.conserved for h in heads)

    # the end

    def settle(self) -> None:
        """Everything that still runs runs on; supervisors keep taking over until the source is drained."""
        for _ in range(60):
            self._finish(greenlet(self.accept_loss if self.lost() else self.take_over))
            for _ in range(300):
                for process in list(self.drivers):
                    self.step(process)
                for process in list(self.others):
                    self.step(process)
                if not self.others and self.drained():
                    return
        raise AssertionError(f"no progress: {self.raw.head(JOB)}, the source ends at {self.end}")

    def lost(self) -> bool:
        return any(self.earliest[p] > o for p, o in self.raw.head(JOB).frontier.items())

    def drained(self) -> bool:
        head = self.raw.head(JOB)
        return head.state is State.LANDED and all(head.end.get(p, 0) == end for p, end in self.end.items())

    def never_there(self) -> int:
        """The lines that the late topic had lost when it joined: those that somebody who let it join has found gone."""
        begins = self.raw.head(JOB).begins
        assert LATE not in begins or begins[LATE] in self.offered
        return begins.get(LATE, 0)

    def _finish(self, process: greenlet) -> None:
        while not process.dead:
            process.switch()

    def check_all_counted(self) -> None:
        for hour, shard in itertools.product((0, HOUR), range(SHARDS)):
            at = hour, shard
            process = greenlet(lambda at=at: self.read(at))
            self._finish(process)
            process = greenlet(lambda at=at: self.fold(at))
            self._finish(process)
            self._finish(greenlet(lambda at=at: self.sweep(at)))
            self._finish(greenlet(lambda at=at: self.read(at)))
            self._finish(greenlet(lambda at=at: self.roll_up(at[1])))
            self._finish(greenlet(self.sweep_rolls))
            self._finish(greenlet(lambda: self.read_all(Grain.DAY)))
        passed = sum(gap.lines for gap in self.passed) + self.never_there()
        assert sum(h.batch.offsets for h in self.heads()) + passed == sum(self.end.values())
