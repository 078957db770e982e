"""A world in which the product's own code of landed jobs is interleaved at every call to store, sink and checkpoints, and killed anywhere.

The job is stateful: a running total over all events. Spark is simulated: it plans, keeps state by version, and commits, in files that have
the form of real ones, so that takeovers copy them by the product's code.
"""

from __future__ import annotations

import copy
import hashlib
import itertools
import random
import struct
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from greenlet import greenlet

from spark_jobs.landed.fenced import Evaluated, FencedSink
from spark_jobs.protocol.head import Batch, Digest, Head, Partition, Progress, State, first_head, is_behind, rebuilt
from spark_jobs.protocol.landing import NotDeterministic, SinkAhead, SinkBehind
from spark_jobs.protocol.writer import Diverged, Superseded, Writer
from spark_jobs.sources.offsets import parse_plan
from tests.state_files import lz4, metadata, schema
from tests.unit.protocol.world import Paused, pause
from weir.errors import Conflict, NotRunning
from weir.supervise.start.checkpoint_copies import CheckpointCopies
from weir.supervise.start.takeover import rebuild, take_over
from weir.testing import MemoryCheckpoints, MemoryStore
from weir.testing.landed_sinks import MemorySink, Target

JOB, TOPIC, PART = "cards", "logs", Partition("topic", 0)
Row = tuple[int, int, int]  # offset of the event, the total before it, the total with it
STATE = "state/0/0"


class Torn(Exception):
    """Spark cannot read a plan: the query ends, and the next attempt gets a copy."""


class StateGone(Exception):
    """Spark does not find the state of the version that it needs."""


@dataclass(frozen=True)
class Rows:
    """Stands for a DataFrame: it is read while others go on."""

    rows: list[Row]

    def collect(self) -> list[Row]:
        pause("collect")
        return self.rows


class World:
    """The source, the checkpoints, the store, the sink and the processes. Every choice is drawn from a seed."""

    def __init__(self, seed: int, deterministic: bool = True) -> None:
        self.rng, self.deterministic = random.Random(seed), deterministic
        self.raw, self.checkpoints, self.target = MemoryStore(), MemoryCheckpoints(), Target()
        self.store, self.end, self.stopped, self.damaged = Paused(self.raw), 0, "", not deterministic
        self.drivers: list[greenlet] = []
        self.others: list[greenlet] = []
        self.seen: Counter[str] = Counter()
        self.copies: dict[str, Any] = {}
        self.clock, self.ids = itertools.count(1_000), itertools.count()
        self.raw.create_head(first_head(JOB, {PART: 0}, 1))

    # processes

    def spawn_driver(self, head: Head) -> None:
        start = dict(head.start if head.batch_id <= 0 else head.frontier)
        self.drivers.append(greenlet(lambda: self._driver(head.attempt, head.epoch, start)))

    def _driver(self, attempt: int, epoch: int, start: dict[Partition, int]) -> None:
        files = self.checkpoints.start(JOB, epoch, attempt)
        sink = FencedSink(Paused(MemorySink(self.target)))
        writer: Writer[Evaluated] = Writer(self.store, sink, JOB, attempt, f"i{next(self.ids)}", "v1", lambda: next(self.clock))
        try:
            writer.start()
            while True:
                pause()
                batch = self._next_batch(files, start)
                if batch is None:
                    continue
                landed = writer.write(batch, lambda before, b=batch: self._evaluate(files, b))
                self.seen["landed" if landed else "evaluated again"] += 1
                pause()
                files[f"commits/{batch.batch_id}"] = b'v1\n{"nextBatchWatermarkMs":0}'
        except Torn:
            self.seen["plan torn"] += 1
        except Superseded:
            self.seen["superseded"] += 1
        except (Diverged, SinkAhead, SinkBehind, NotDeterministic, StateGone) as why:
            if (head := self.raw.head(JOB)) and head.attempt == attempt:  # what a zombie thinks is no verdict
                self.stop(type(why).__name__, str(why))

    def _next_batch(self, files: dict[str, bytes], start: dict[Partition, int]) -> Batch | None:
        """As Spark does: the last planned batch again if it was not committed, else plan the next one."""
        last = max((int(path[8:]) for path in files if path.startswith("offsets/")), default=-1)
        if last < 0 or f"commits/{last}" in files:
            at = _end(files[f"offsets/{last}"]) if last >= 0 else start[PART]
            if at >= self.end and self.rng.random() < 0.7:
                return None
            last += 1
            files[f"offsets/{last}"] = _plan(self.rng.randint(at, self.end), next(self.clock))
        plan = files[f"offsets/{last}"]
        begin = _end(files[f"offsets/{last - 1}"]) if last else start[PART]
        return Batch(last, {PART: begin}, {PART: _end(plan)}, plan=plan)

    def _evaluate(self, files: dict[str, bytes], batch: Batch) -> Evaluated:
        pause("evaluate")
        total, rows = self._state(files, batch.batch_id), list[Row]()
        for offset in range(batch.start[PART], batch.end[PART]):
            more = 1 if self.deterministic else self.rng.randint(1, 9)
            rows.append((offset, total, total + more))
            total += more
        files["state/0/_metadata/metadata"], files[f"{STATE}/_metadata/schema"] = metadata({"default": 1}), schema()
        files[f"{STATE}/{batch.batch_id + 1}.delta"] = lz4(struct.pack("<q", total))
        value = hashlib.sha256(repr((sorted(rows), batch.plan)).encode()).hexdigest()[:16]
        return Evaluated(Rows(rows), Digest(len(rows), value), Progress(), stateful=True)  # type: ignore[arg-type]

    def _state(self, files: dict[str, bytes], version: int) -> int:
        if version == 0:
            return 0
        data = files.get(f"{STATE}/{version}.delta")
        if data is None or len(data) < 29:
            raise StateGone(f"version {version}")
        return int(struct.unpack("<q", data[21:29])[0])

    def take_over(self) -> None:
        head = self.store.head(JOB)
        highest = max((attempt for _, attempt in self.checkpoints.attempts(JOB)), default=0)
        try:
            new = take_over(self.store, JOB, head.attempt, highest)
        except Conflict:
            return
        if is_behind(new, next(iter(self.store.ledger(JOB)), None)):
            self.stop("head restored", "")
            return
        self._continue(new)

    def new_epoch(self) -> None:
        """An operator begins a new epoch that keeps the state of the last landed batch."""
        head, copies = self.store.head(JOB), self._copying()
        if copies.unkept(head):
            return
        highest = max((attempt for _, attempt in self.checkpoints.attempts(JOB)), default=0)
        try:
            new = rebuild(self.store, JOB, head.attempt, lambda head: rebuilt(head, head.frontier, None, highest, keeps_state=True))
        except Conflict:
            return
        self.damaged = True  # over an open claim that the sink holds, the job stops; and a landing meanwhile may not be committed
        self.seen["new epoch"] += 1
        self._continue(new)

    def _continue(self, head: Head) -> None:
        try:
            why = self._copying().copy(head, TOPIC)
        except NotRunning:  # folders of later attempts are back: the next attempt has a later number
            return
        if why:
            self.stop("state lost", why)
            return
        pause()
        self.spawn_driver(head)

    def _copying(self) -> CheckpointCopies:
        return CheckpointCopies(Paused(self.checkpoints), self.store)  # type: ignore[arg-type]

    def stop(self, what: str, why: str) -> None:
        assert self.damaged, f"stopped for nothing: {what}: {why}"
        self.stopped = what
        self.seen[what] += 1

    # what happens

    def back_up(self) -> None:
        self.copies = copy.deepcopy({
            "store": (self.raw._heads, self.raw._ledger),
            "sink": self.target.__dict__,
            "folders": self.checkpoints.files,
        })  # fmt: skip

    def restore(self, what: str) -> None:
        """Put an older copy in place of the store, the sink or the checkpoints."""
        if what not in self.copies:
            return
        self.damaged, old = True, copy.deepcopy(self.copies[what])
        if what == "store":
            self.raw._heads, self.raw._ledger = old
        elif what == "sink":
            self.target.__dict__.update(old)
        else:
            for at, files in old.items():
                self.checkpoints.files[at].clear()
                self.checkpoints.files[at].update(files)
        self.seen[f"{what} restored"] += 1

    def tear(self) -> None:
        """A file of a folder is torn by a power cut; state cannot be made again."""
        files = self.rng.choice([*self.checkpoints.files.values(), {}])
        if files:
            path = self.rng.choice(sorted(files))
            files[path] = files[path][: len(files[path]) // 2]
            self.damaged = True
            self.seen["torn"] += 1

    def step(self, process: greenlet) -> None:
        process.switch()
        for pool in (self.drivers, self.others):
            if process.dead and process in pool:
                pool.remove(process)

    def spawn(self, work: Callable[[], None]) -> None:
        self.others.append(greenlet(work))

    # the truth

    def check(self) -> None:
        offsets = [row[0] for row in self.target.rows]
        assert len(offsets) == len(set(offsets)), ("an event twice", offsets)

    def drained(self) -> bool:
        head = self.raw.head(JOB)
        return head is not None and head.state is State.LANDED and head.end[PART] == self.end

    def settle(self) -> None:
        for _ in range(40):
            if self.stopped or self.drained():
                return
            self.spawn(self.take_over)
            for _ in range(400):
                for process in self._processes():
                    if not self.stopped:
                        self.step(process)
                if self.stopped or self.drained():
                    return
        raise AssertionError(f"no progress: {self.raw.head(JOB)}, the source ends at {self.end}")

    def wake_zombies(self) -> None:
        for _ in range(60):
            for process in self._processes():
                self.step(process)

    def _processes(self) -> Iterator[greenlet]:
        yield from [*self.drivers, *self.others]

    def check_exact(self) -> None:
        rows: list[Row] = sorted(tuple(row) for row in self.target.rows)  # type: ignore[misc]
        assert [row[0] for row in rows] == list(range(self.end)), rows
        for one, two in itertools.pairwise(rows):
            assert one[2] == two[1], ("the total does not continue", one, two)
        assert not self.deterministic or all(row == (row[0], row[0], row[0] + 1) for row in rows), rows


def _plan(end: int, stamp: int) -> bytes:
    return f'v1\n{{"batchWatermarkMs":0,"batchTimestampMs":{stamp}}}\n{{"{TOPIC}":{{"0":{end}}}}}'.encode()


def _end(plan: bytes) -> int:
    named = parse_plan(plan)
    if named is None:
        raise Torn
    return named[TOPIC][0]
