"""The rules that keep counting exact, as pure functions: no I/O, no clock. They are numbered as in docs/protocol.md.

One row per job, the *head*, says who may write and what was written last. Every change of it is a compare-and-swap of the whole row, and
its `write_ts` grows with every claim, so two heads are equal only if nothing happened between them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from spark_jobs.protocol.gap import Gap, accounts_for
from spark_jobs.protocol.partition import Offsets as Offsets
from spark_jobs.protocol.partition import Partition as Partition
from spark_jobs.protocol.partition import identified, is_folder, labelled, sources_of

Position = tuple[int, int]  # (attempt, batch_id): grows over a job's whole life


class State(StrEnum):
    CLAIMED = "claimed"
    LANDED = "landed"


@dataclass(frozen=True)
class Digest:
    """Number and digest of the rows that a batch of a landed job gave. The digest does not depend on their order."""

    rows: int
    value: str  # the sum of 64-bit hashes of the rows modulo 2**64, as hexadecimal digits

    def __str__(self) -> str:
        return f"{self.rows}:{self.value}"

    @classmethod
    def parse(cls, text: str) -> Digest | None:
        """Parse `rows:value`; None if it is empty. Raises ValueError on anything else."""
        rows, _, value = text.partition(":")
        return cls(int(rows), value) if text else None


@dataclass(frozen=True)
class Batch:
    """A micro-batch."""

    batch_id: int  # its id in the checkpoint
    start: Offsets  # the first offset, by partition
    end: Offsets  # the offset after the last one, by partition
    names: Mapping[str, str] = field(default_factory=dict)  # source names by identity, of a job that may read several
    arrived_by: int = 0  # ms, see Head
    plan: bytes = b""  # of a landed job: Spark's `offsets/N`, byte for byte; empty in a job that may repeat a claim with another end
    files: bytes = b""  # of a batch of folders: the files that it reads, as read_files.packed has them, measured before its rows are read

    @property
    def offsets(self) -> int:
        """Return how many offsets the ranges span."""
        return sum(end - self.start.get(p, 0) for p, end in self.end.items())


@dataclass(frozen=True)
class Progress:
    """How far event time has come. Times are in ms."""

    event_times: Offsets = field(default_factory=dict)  # the largest event time, by partition
    append_times: Offsets = field(default_factory=dict)  # the largest append time, by partition
    watermark: int | None = None  # None: none yet


CONTINUATION = "continuation"  # the reason of lines that continue the one before: not counted, and not rejected either


@dataclass(frozen=True)
class Totals:
    """The lines of a batch: `lines = sum(levels) + sum(rejected)`; `late` lines are among the levels. `rejected` has all lines that are not
    counted, by reason, continuations too."""

    lines: int = 0
    levels: Mapping[str, int] = field(default_factory=dict)
    rejected: Mapping[str, int] = field(default_factory=dict)
    late: int = 0

    @property
    def continuations(self) -> int:
        """Return how many lines continue the one before."""
        return self.rejected.get(CONTINUATION, 0)

    @property
    def rejects(self) -> Mapping[str, int]:
        """Return the rejected lines by reason, continuations not among them."""
        return rejects(self.rejected)

    @property
    def conserved(self) -> bool:
        return self.lines == sum(self.levels.values()) + sum(self.rejected.values())


def rejects(reasons: Mapping[str, int]) -> dict[str, int]:
    """Return lines by reason without the continuations."""
    return {reason: n for reason, n in reasons.items() if reason != CONTINUATION}


@dataclass(frozen=True)
class Head:
    """The one row of a job that says who may write and what was written last. Only compare-and-swap changes it."""

    job: str
    epoch: int
    attempt: int  # the one that may write; 0: none yet
    incarnation: str  # the process of the attempt that may write; empty: none has started
    batch_id: int  # the claimed or landed batch; -1: none in this epoch yet
    state: State  # of the batch
    by: int  # the attempt that claimed the batch, perhaps an older one; without a batch, the one that began the epoch
    write_ts: int  # us; grows with every claim, and is the timestamp of the batch's writes
    start: Offsets  # the first offset of the batch, by partition
    end: Offsets  # the offset after its last one, by partition
    version: str = ""  # the version that claimed the batch
    totals: Totals = Totals()  # of the batch
    before: Progress = Progress()  # without the batch, so that a batch that is done again starts from the same progress
    progress: Progress = Progress()  # with the batch
    epoch_ends: tuple[int, ...] = ()  # the last landed batch of every earlier epoch; -1 if it landed none of its own
    landed_at: int = 0  # ms; 0 while claimed
    gap: Gap | None = None  # what the epoch left out at its beginning, until its first claim; then the ledger has it
    began_at: int = 0  # ms, when reading the batch began; for display only
    names: Mapping[str, str] = field(default_factory=dict)  # source names by identity; empty for a single source, which the spec names
    begins: Offsets = field(default_factory=dict)  # where sources begin that joined the job later, by partition
    # ms, an upper bound for the arrival of the batch's records, whatever their producers say; 0 in batches of earlier releases, which
    # believed the producers, and counted records of aborted transactions
    arrived_by: int = 0
    plan: bytes = b""  # of a landed job: Spark's `offsets/N` of the batch, byte for byte; a takeover restores it
    digest: Digest | None = None  # of a landed job: number and digest of the batch's rows
    files: bytes = b""  # of a landed job that reads folders: the files of the batch, as read_files.packed has them
    stateful: bool = False  # True: the epoch keeps state in its checkpoint, and never begins empty by itself
    base: int = -1  # the batch before the first one of this epoch: -1, or the one whose state or plan the epoch continues from
    state_epoch: int = 0  # the epoch that has evaluated the batch `base`; 0: the epoch began with an empty checkpoint

    @property
    def sources(self) -> frozenset[str]:
        """Return the identities of the sources of the epoch; an empty one is unknown."""
        return sources_of(self.end)

    @property
    def reads_folders(self) -> bool:
        """Return whether a source of the epoch is a folder."""
        return any(map(is_folder, self.sources))

    @property
    def topic_id(self) -> str:
        """Return the identity of the only source; empty if it is unknown, or there are several."""
        return next(iter(self.sources)) if len(self.sources) == 1 else ""

    def ids(self, name: str) -> Mapping[str, str]:
        """Return the identities of the sources by name; `name` is that of a single source."""
        return {name: source for source, name in self.names.items()} or {name: self.topic_id}

    @property
    def batch(self) -> Batch:
        return Batch(self.batch_id, self.start, self.end, plan=self.plan, files=self.files)

    @property
    def position(self) -> Position:
        """Return the position of the batch. It only grows, unless an older copy is restored."""
        return self.by, self.batch_id

    @property
    def has_batch(self) -> bool:
        """Return whether the epoch has a batch: False only before its first claim."""
        return self.batch_id > self.base

    @property
    def for_ledger(self) -> bool:
        """Return whether it has a landed batch or a gap, which must be in the ledger before the head changes."""
        return self.state is State.LANDED and (self.has_batch or self.gap is not None)

    @property
    def last_landed(self) -> int:
        """Return the last landed batch of this epoch; for none, the one that it continues from, or -1."""
        return self.batch_id if self.state is State.LANDED else self.batch_id - 1

    @property
    def landed_here(self) -> bool:
        """Return whether a batch of this epoch has landed."""
        return self.last_landed > self.base

    @property
    def earlier_ends(self) -> list[tuple[int, int]]:
        """Return epoch and last landed batch of each earlier epoch that landed one, in order."""
        return [(epoch, last) for epoch, last in enumerate(self.epoch_ends, start=1) if last >= 0]

    def last_of(self, epoch: int) -> int:
        """Return the last batch that landed in an epoch; -1 for none."""
        return self.last_landed if epoch == self.epoch else dict(self.earlier_ends).get(epoch, -1)

    @property
    def continues_by_plan(self) -> bool:
        """Return whether a takeover restores Spark's plans, or state: True for a landed job once it has a batch or keeps state."""
        return bool(self.plan) or self.state_epoch > 0

    @property
    def frontier(self) -> Offsets:
        """Return where the landed part of the source ends, by partition."""
        return self.end if self.state is State.LANDED else self.start

    @property
    def shown_frontier(self) -> Mapping[str, int]:
        """Return the frontier with labels for operators and reports."""
        return labelled(self.frontier, self.names)


def first_head(job: str, offsets: Offsets, write_ts: int) -> Head:
    """Return the head of a job that never ran. It is at attempt 0: the first start is a takeover like any other."""
    return Head(job, 1, 0, "", -1, State.LANDED, 0, write_ts, offsets, offsets)


def taken_over(head: Head, highest: int = 0) -> Head:
    """Rule 1: the next attempt may write, and no process of it has started yet.

    `highest` is the highest attempt in the store or a checkpoint folder: a head restored from a backup lacks the last ones, and no number
    may ever be used twice.
    """
    return replace(head, attempt=max(head.attempt, highest) + 1, incarnation="")


def started(head: Head, incarnation: str) -> Head:
    """Rule 2: the first process of an attempt sets its incarnation."""
    return replace(head, incarnation=incarnation)


def rebuilt(head: Head, offsets: Offsets, gap: Gap | None = None, highest: int = 0, keeps_state: bool = False) -> Head:
    """Rule 6: a new epoch, with a new attempt, that starts at `offsets`: `head.frontier`, unless a gap says exactly what is left out.

    Partitions that were added since begin at 0. With `keeps_state` it continues from the state of the last landed batch, and from its
    number. So does an epoch that reads folders, with or without state: only Spark's plans say what it has read of them.

    Raises ValueError if lines would be left out or counted twice and the gap does not say so.
    """
    if not accounts_for(gap, head.frontier, offsets):
        raise ValueError(f"{head.job}: from {dict(head.frontier)} to {dict(offsets)} is not what the gap says: {gap}")
    progress = _in_sources_of(offsets, base_progress(head))
    new = taken_over(head, highest)
    base = head.last_landed if keeps_state or any(is_folder(p.source) for p in offsets) else -1
    return replace(
        new,
        epoch=head.epoch + 1,
        batch_id=base,
        state=State.LANDED,
        by=new.attempt,
        write_ts=head.write_ts + 1,
        start=offsets,
        end=offsets,
        totals=Totals(),
        before=progress,
        progress=progress,
        epoch_ends=(*head.epoch_ends, head.last_landed if head.landed_here else -1),
        landed_at=0,
        gap=gap,
        names={source: name for source, name in head.names.items() if source in sources_of(offsets)},
        begins={p: begin for p, begin in head.begins.items() if p.source in sources_of(offsets)},
        plan=b"",
        digest=None,
        files=b"",
        stateful=head.stateful and keeps_state,
        base=base,
        state_epoch=(head.epoch if head.landed_here else head.state_epoch) if base >= 0 else 0,
    )


def with_sources(head: Head, begins: Offsets, names: Mapping[str, str]) -> Head:
    """Rule 8: sources that the job has not read yet join it. All their partitions begin where `begins` says, in the batch that lands next.

    It is part of a takeover, so that no driver continues without them. A source that is only in an open claim has not been read: the claim
    is done again. Raises ValueError if the job reads a source already.
    """
    if known := sources_of(begins) & sources_of(head.frontier):
        raise ValueError(f"{head.job} reads {', '.join(sorted(known))} already")
    if not begins:
        return head
    return replace(
        head,
        start={**head.start, **begins},
        end={**head.end, **{p: max(begin, head.end.get(p, 0)) for p, begin in begins.items()}},
        names={**head.names, **names},
        begins={**head.begins, **begins},
    )


def extended(end: Offsets, head: Head) -> Offsets:
    """Return where a batch of a checkpoint ends, with the sources that have joined the job since it was planned.

    Every planned batch gets them, so that they are not new to one that is done again, and each batch ends at least where they begin.
    """
    return {**end, **{p: max(begin, end.get(p, 0)) for p, begin in head.begins.items()}}


def with_joined(end: Offsets, after: Head) -> Offsets:
    """Return the end of a row of the ledger, with the sources that joined before the next row, at their beginnings."""
    known = sources_of(end)
    return {**end, **{p: begin for p, begin in after.begins.items() if p.source not in known}}


def _in_sources_of(offsets: Offsets, progress: Progress) -> Progress:
    """Return the progress that an epoch begins with.

    A source that replaces a deleted one, such as a topic that was created again, continues with its times, so that the watermark and the
    closed panes do not go back.
    """
    gone, new = sources_of(progress.event_times) - sources_of(offsets), sources_of(offsets) - sources_of(progress.event_times)

    def moved(times: Offsets) -> Offsets:
        anew = {Partition("" if p.source in gone else p.source, p.number): time for p, time in times.items()}
        return {p: time for p, time in identified(anew, new if len(gone) == 1 else ()).items() if p.source in sources_of(offsets)}

    return Progress(moved(progress.event_times), moved(progress.append_times), progress.watermark)


def is_behind(head: Head, kept: Head | None) -> bool:
    """Return whether the head is older than the ledger, whose newest row is `kept`.

    Only a head that was restored from a copy can be: what is in the ledger was in the head before, and landed.
    """
    return kept is not None and (kept.position, True) > (head.position, head.state is State.LANDED)


def brought_forward(head: Head, kept: Head | None) -> Head:
    """Rule 7: bring a head that is behind the ledger forward to the ledger's newest row. The attempt that may write stays."""
    if kept is None or not is_behind(head, kept):
        return head
    return replace(kept, attempt=head.attempt, incarnation=head.incarnation, write_ts=max(kept.write_ts, head.write_ts))


class Ruling(StrEnum):
    """What a driver may do with a micro-batch."""

    CLAIM = "claim"
    SKIP = "skip"
    SUPERSEDED = "superseded"
    DIVERGED = "diverged"


def judge(head: Head, attempt: int, incarnation: str, batch: Batch, landed: Callable[[int], Head | None]) -> Ruling:
    """Rules 3 and 5: return whether this process may claim the batch. `landed` finds a batch of this epoch in the ledger.

    With a plan (rule 9), an open claim is done again only as it was planned.
    """
    if (head.attempt, head.incarnation) != (attempt, incarnation):
        return Ruling.SUPERSEDED
    if head.state is State.LANDED and head.batch_id == batch.batch_id - 1 and joins(head.end, batch.start):
        return Ruling.CLAIM
    if head.state is State.CLAIMED and head.batch_id == batch.batch_id and joins(head.start, batch.start):
        return Ruling.CLAIM if head.plan == batch.plan else Ruling.DIVERGED
    if batch.batch_id > head.last_landed:
        return Ruling.DIVERGED
    known = head if head.state is State.LANDED and head.batch_id == batch.batch_id else landed(batch.batch_id)
    same = known is not None and same_ranges(known.batch, batch) and known.plan == batch.plan
    return Ruling.SKIP if same else Ruling.DIVERGED


def claim(
    head: Head,
    batch: Batch,
    totals: Totals,
    progress: Progress,
    version: str,
    now_us: int,
    began_at: int = 0,
    digest: Digest | None = None,
    stateful: bool = False,
) -> Head:
    """Rule 3: the head once this batch is claimed. Its write timestamp is later than that of every earlier claim."""
    return replace(
        head,
        batch_id=batch.batch_id,
        state=State.CLAIMED,
        by=head.attempt,
        write_ts=max(head.write_ts + 1, now_us),
        start=batch.start,
        end=batch.end,
        version=version,
        totals=totals,
        before=base_progress(head),
        progress=progress,
        landed_at=0,
        gap=None,
        began_at=began_at,
        names={**head.names, **batch.names},
        arrived_by=batch.arrived_by,
        plan=batch.plan,
        digest=digest,
        files=batch.files,
        stateful=head.stateful or stateful,
    )


def base_progress(head: Head) -> Progress:
    """Return the progress that the next claim starts from: an open claim of another attempt does not count."""
    return head.progress if head.state is State.LANDED else head.before


def land(claimed: Head, now_ms: int) -> Head:
    """Rule 5: the batch counts from here on."""
    return replace(claimed, state=State.LANDED, landed_at=now_ms)


def joins(end: Offsets, start: Offsets) -> bool:
    """Return whether a batch that starts at `start` follows one that ended at `end`. A partition missing on one side is at 0."""
    return all(end.get(p, 0) == start.get(p, 0) for p in end.keys() | start.keys())


def same_ranges(a: Batch, b: Batch) -> bool:
    return joins(a.start, b.start) and joins(a.end, b.end)


@dataclass(frozen=True)
class Landed:
    """The positions that have landed."""

    spans: Mapping[int, tuple[int, int]]  # by attempt, the first and the last landed batch
    newest: Position | None  # None: nothing has landed
    write_ts: int  # us; not before any landed write, and before all others

    def __contains__(self, position: Position) -> bool:
        first, last = self.spans.get(position[0], (0, -1))
        return first <= position[1] <= last


def landed(head: Head, firsts: Mapping[int, tuple[int, int]]) -> Landed:
    """Return the landed positions as of `head`. `firsts` maps an attempt to its epoch and the first batch that it set out to claim.

    The batches of an epoch are consecutive and each attempt owns a run of them, so an attempt's span ends where the next one begins.
    `firsts` must be read after the head: a first batch is noted before it is claimed, so none is missing.
    """
    spans: dict[int, tuple[int, int]] = {}
    last_of = {**dict(enumerate(head.epoch_ends, start=1)), head.epoch: head.last_landed}
    ends = dict(last_of)
    for attempt in sorted(firsts, reverse=True):
        epoch, first = firsts[attempt]
        if epoch not in ends:
            continue  # an epoch younger than the head that was read
        if first <= ends[epoch]:
            spans[attempt] = (first, ends[epoch])
        ends[epoch] = min(ends[epoch], first - 1)
    newest = max(((a, last) for a, (_, last) in spans.items()), default=None)
    return Landed(spans, newest, head.write_ts if head.state is State.LANDED else head.write_ts - 1)


def advance(before: Progress, event_times: Offsets, append_times: Offsets, allowed_lateness_ms: int) -> Progress:
    """Return the progress after a batch whose largest event and append times, by partition, are given (ms).

    The watermark is the least, over partitions that are not idle, of the largest event time, less the allowed lateness; it never goes
    back. A partition is idle when its last record was appended longer ago than the allowed lateness, measured against the newest append
    time: the records decide, not the driver's clock, so a replay gives the same.
    """
    events = {p: max(before.event_times.get(p, t), t) for p, t in event_times.items()}
    appends = {p: max(before.append_times.get(p, t), t) for p, t in append_times.items()}
    events = {**before.event_times, **events}
    appends = {**before.append_times, **appends}
    newest = max(appends.values(), default=0)
    busy = [t for p, t in events.items() if appends.get(p, 0) >= newest - allowed_lateness_ms]
    candidates = [t for t in (before.watermark, min(busy) - allowed_lateness_ms if busy else None) if t is not None]
    return Progress(events, appends, max(candidates, default=None))
