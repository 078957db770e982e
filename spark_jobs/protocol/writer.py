"""The driver's side of the protocol: claim, write, land. Every step goes through a `Store`, so the same code runs on the fake."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Generic, Protocol, TypeVar

from spark_jobs import failpoint
from spark_jobs.protocol.head import Batch, Digest, Head, Progress, Ruling, State, Totals, base_progress, claim, judge, land, started
from spark_jobs.protocol.landing import Held, NotDeterministic, difference, disagreement, holds_claim
from spark_jobs.protocol.partition import labels
from spark_jobs.protocol.read_files import FilesChanged, changes, unpacked


class Superseded(Exception):
    """A later attempt, or another process of this one, owns the job. This process must write nothing more."""


class Diverged(Exception):
    """Checkpoint and head disagree. Continuing would lose or double lines; the supervisor must rebuild."""


class Broken(Exception):
    """A batch does not add up: lines are neither counted nor rejected, or more than its offsets. Nothing of it was written."""


class Evaluated(Protocol):
    """The result of a micro-batch: its totals and progress. Everything else is between the job and its sink."""

    @property
    def totals(self) -> Totals: ...

    @property
    def progress(self) -> Progress: ...

    @property
    def digest(self) -> Digest | None: ...  # None: the batch may give other rows when it is done again

    @property
    def stateful(self) -> bool: ...  # True: it has left state in the checkpoint


E = TypeVar("E", bound=Evaluated)
W = TypeVar("W", bound=Evaluated, contravariant=True)


class Sink(Protocol[W]):
    """The destination of batches. Writes of a counts job are keyed by attempt and batch, and count once the batch lands. Those of a landed
    job are there once they are written (rule 9)."""

    publishes: bool  # False: `landed` does nothing
    hides_claims: bool  # True: what is written is read only once it has landed, as that attempt wrote it

    def fence(self, head: Head) -> Held | None:
        """Keep earlier attempts from writing. Return what the sink holds; None if it cannot know, or need not. Raises Superseded."""

    def write(self, claimed: Head, evaluated: W) -> None:
        """Write the batch of this claim. May be repeated."""

    def landed(self, head: Head) -> None:
        """Publish a landed batch. May be repeated."""

    def rehearse(self, job: str) -> None:
        """Reach every table or target that `write` writes to, and change nothing that is ever read. May be repeated."""

    def keep(self) -> None:
        """Keep the fence from expiring. Called every few seconds, by another thread. Never raises."""


class Store(Protocol):
    """The store, as a driver uses it. Every method may be repeated; all but `swap` are blind, idempotent writes."""

    def head(self, job: str) -> Head | None:
        """Return the head after the last completed swap (serial consistency)."""

    def plain_head(self, job: str) -> Head | None:
        """Return the head by a plain read, which waits for no transaction. It may be an older head."""

    def swap(self, expected: Head, new: Head) -> bool:
        """Set the head to `new` if it still is `expected`. An unknown outcome is read back before this answers."""

    def put_ledger(self, head: Head) -> None:
        """Keep the landed batch of this head, or its gap, in the ledger."""

    def ledger_batch(self, job: str, epoch: int, batch_id: int) -> Head | None:
        """Return a landed batch, as the head that it was; None if it is not in the ledger."""

    def put_first(self, job: str, attempt: int, epoch: int, batch_id: int) -> None:
        """Note the first batch that an attempt is about to claim."""


class Writer(Generic[E]):
    """One process of one attempt. `now_us` is only used to make write timestamps look like time."""

    def __init__(
        self, store: Store, sink: Sink[E], job: str, attempt: int, incarnation: str, version: str, now_us: Callable[[], int]
    ) -> None:
        self._store, self._sink, self._job, self._attempt, self._incarnation = store, sink, job, attempt, incarnation
        self._version, self._now_us = version, now_us
        self._first_noted = False
        self._known: Head | None = None  # what this process landed last; another may have changed the head since
        self._unread = False  # True: an earlier attempt's claim is open, and no reader can have seen its rows, or ever will

    def start(self) -> Head:
        """Rules 2 and 9: make this process the writer of its attempt, and raise the sink's fence. A claim that the sink holds lands.

        Raises Superseded if another process is the writer; SinkAhead or SinkBehind if the sink holds other batches than the head knows.
        """
        head = self._incarnated()
        held = self._sink.fence(head)
        if held and (wrong := disagreement(head, held)):
            raise wrong
        self._unread = head.state is State.CLAIMED and (self._sink.hides_claims or (held is not None and not holds_claim(head, held)))
        if holds_claim(head, held):
            head = self._landed(head)
        elif self._sink.publishes and (newest := self._newest_landed(head)):
            self._sink.landed(newest)
        return head

    def write(self, batch: Batch, evaluate: Callable[[Progress], E]) -> bool:
        """Evaluate and land a micro-batch; False if it had landed before.

        Raises Superseded, Diverged, Broken, FilesChanged or NotDeterministic.
        """
        while True:
            head, ruling = self._judged(batch)
            match ruling:
                case Ruling.SKIP:
                    self._evaluate_again(head, batch, evaluate)
                    return False
                case Ruling.SUPERSEDED:
                    raise Superseded(f"attempt {self._attempt} of {self._job} was superseded: {describe(head)}")
                case Ruling.DIVERGED:
                    raise Diverged(f"batch {batch.batch_id} {ranges(batch)} does not follow: {describe(head)}")
            failpoint.reach("batch")
            if head.state is State.CLAIMED:
                _require_files(batch, head.files, "was claimed by an earlier attempt")
            began_at = self._now_us() // 1000
            evaluated = evaluate(base_progress(head))
            failpoint.reach("count")
            if not evaluated.totals.conserved or evaluated.totals.lines > batch.offsets:
                raise Broken(f"batch {batch.batch_id} {ranges(batch)} does not add up: {evaluated.totals}")
            if head.state is State.CLAIMED and not self._may_differ(head):
                _require_same(batch, head.digest, evaluated.digest, "was claimed by an earlier attempt")
            claimed = self._claim(head, batch, evaluated, began_at)
            if claimed is not None:
                break
        self._sink.write(claimed, evaluated)
        self._known = self._landed(claimed)
        return True

    def _judged(self, batch: Batch) -> tuple[Head, Ruling]:
        """Return the head that the batch follows, and the ruling for it.

        A plain read is enough for a claim if it returns the head that this process landed last: the claim is a compare-and-set. Everything
        else needs a serial read, which takes as long as a transaction.
        """
        known, self._known = self._known, None
        if known and self._store.plain_head(self._job) == known and (ruling := self._ruling(known, batch)) is Ruling.CLAIM:
            return known, ruling
        head = self._own_head()
        return head, self._ruling(head, batch)

    def _ruling(self, head: Head, batch: Batch) -> Ruling:
        return judge(head, self._attempt, self._incarnation, batch, partial(self._store.ledger_batch, self._job, head.epoch))

    def _may_differ(self, head: Head) -> bool:
        """Return whether an open claim may be repeated with other rows: another version made it, and no reader has seen its rows.

        Otherwise a version whose first batch the sink refuses could be neither rolled back nor corrected.
        """
        return self._unread and head.version != self._version

    def _incarnated(self) -> Head:
        while True:
            head = self._store.head(self._job)
            if head is None or head.attempt != self._attempt or head.incarnation not in ("", self._incarnation):
                raise Superseded(f"attempt {self._attempt} of {self._job} is not this process's: {describe(head)}")
            if head.incarnation == self._incarnation:
                return head
            if self._store.swap(head, started(head, self._incarnation)):
                failpoint.reach("start")

    def _landed(self, claimed: Head) -> Head:
        """Land a claim, and publish it. Raises Superseded."""
        new = land(claimed, self._now_us() // 1000)
        if not self._store.swap(claimed, new):
            raise Superseded(f"attempt {self._attempt} of {self._job} was superseded before batch {claimed.batch_id} landed")
        failpoint.reach("land")
        self._sink.landed(new)
        return new

    def _evaluate_again(self, head: Head, batch: Batch, evaluate: Callable[[Progress], E]) -> None:
        """Evaluate a batch that had landed, for its state: Spark's commit of it was lost. Nothing is written.

        Raises FilesChanged; NotDeterministic if the digest differs, also in another version: then the state may be that of another batch.
        """
        if not batch.plan:
            return
        known = head if head.batch_id == batch.batch_id else self._store.ledger_batch(self._job, head.epoch, batch.batch_id)
        _require_files(batch, known.files if known else b"", "had landed")
        found = evaluate(base_progress(head)).digest
        _require_same(batch, known.digest if known else None, found, "had landed")

    def _newest_landed(self, head: Head) -> Head | None:
        """Return the newest landed batch of any epoch. That of an open claim's predecessor was published before the claim."""
        if head.landed_here or head.has_batch:
            return head if head.state is State.LANDED else None
        found = (self._store.ledger_batch(self._job, epoch, last) for epoch, last in reversed(head.earlier_ends))
        return next((one for one in found if one), None)

    def _own_head(self) -> Head:
        head = self._store.head(self._job)
        if head is None:
            raise Superseded(f"{self._job} has no head: it was removed")
        return head

    def _claim(self, head: Head, batch: Batch, evaluated: E, began_at: int) -> Head | None:
        if head.for_ledger:
            self._store.put_ledger(head)
        if not self._first_noted:
            self._store.put_first(self._job, self._attempt, head.epoch, batch.batch_id)
        failpoint.reach("ledger")
        claimed = claim(
            head,
            batch,
            evaluated.totals,
            evaluated.progress,
            self._version,
            self._now_us(),
            began_at,
            evaluated.digest,
            evaluated.stateful,
        )
        if not self._store.swap(head, claimed):
            return None
        self._first_noted = True
        failpoint.reach("claim")
        return claimed


def _require_same(batch: Batch, known: Digest | None, found: Digest | None, when: str) -> None:
    if why := difference(known, found):
        raise NotDeterministic(f"batch {batch.batch_id} {ranges(batch)} {when}, and gives other rows now: {why}")


def _require_files(batch: Batch, known: bytes, when: str) -> None:
    """Raise FilesChanged if the files of a batch that is evaluated again are not those that were recorded for it."""
    if known != batch.files and (why := changes(unpacked(known), unpacked(batch.files))):
        raise FilesChanged(f"WEIR-327: batch {batch.batch_id} {ranges(batch)} {when}, and its files have changed since: {why}")


def describe(head: Head | None) -> str:
    """Describe the head, for messages."""
    if head is None:
        return "there is no head"
    return (
        f"the head is at epoch {head.epoch}, attempt {head.attempt}, batch {head.batch_id} {head.state} by {head.by} {ranges(head.batch)}"
    )


def ranges(batch: Batch) -> str:
    """`[0: 10-20, 1: 5-9]`: offsets by partition, the end exclusive."""
    return "[" + ", ".join(f"{label}: {batch.start.get(p, 0)}-{batch.end[p]}" for p, label in labels(batch.end).items()) + "]"
