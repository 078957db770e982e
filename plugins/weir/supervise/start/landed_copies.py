"""Copy the checkpoint of a landed job: plans as they were claimed, and the state that the next batch begins with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from spark_jobs.protocol.head import Head, State
from spark_jobs.sources.offsets import NO_FOLDERS, Folders
from weir.ports.checkpoints import Attempt, Checkpoints, Folder
from weir.ports.ledger import LandedStore
from weir.supervise.judge.landed_lineage import Continuation, committed, continuations
from weir.supervise.judge.lineage import KEEP_BATCHES


class LandedCopies:
    def __init__(self, checkpoints: Checkpoints, store: LandedStore) -> None:
        self._checkpoints, self._store = checkpoints, store

    def copy(self, head: Head, found: Sequence[Attempt], topic: str, folders: Folders = NO_FOLDERS) -> str:
        """Make the folder of the head's attempt from the newest one that continues the head. `found` are epochs and attempts, in order.

        `topic` is the name of a single topic, `folders` are those that are read, by position of the source. Return why there is none; empty
        if all is well. Raises NotRunning.
        """
        before, reasons = self._before(head), list[str]()

        def ways(folder: Folder) -> Iterable[Continuation]:
            return continuations(folder, head, before, topic, folders)

        for attempt in reversed(self._lineage(head, found)):
            why = self._tried(head, attempt, ways(self._folder(head.job, attempt, head.batch_id)))
            if not why:
                return ""
            reasons.append(f"attempt {attempt[1]}: {why}")
        if head.stateful or not head.has_batch:
            return "; ".join(reasons) or "there is no folder of an earlier attempt"
        return self._tried(head, (head.epoch, 0), ways(Folder(head.epoch, 0, "", {}, {})))  # without state and folders, plans are enough

    def unkept(self, head: Head, folders: Sequence[tuple[int, int]]) -> str:
        """Return why a new epoch cannot keep the state of the last landed batch; empty if it can."""
        last, landed = head.last_landed, self._last(head)
        plans = {landed.plan} if landed else set[bytes]()
        for attempt in reversed(self._lineage(head, folders)):
            if committed(self._folder(head.job, attempt, last), last, plans):
                return ""
        if last < 0:
            return "nothing has landed"
        return f"Spark's commit of batch {last} is missing. To evaluate the batch again, run: weir restart {head.job}"

    def _tried(self, head: Head, source: Attempt, ways: Iterable[Continuation]) -> str:
        why = "its state may not be that of the landed batches"
        for way in ways:
            why = self._checkpoints.copy(head.job, source, (head.epoch, head.attempt), way.contents, way.version, head.stateful)
            if not why:
                return ""
        return why

    def _folder(self, job: str, attempt: Attempt, batch: int) -> Folder:
        """Read the newest plans of a folder; all of them if it is further than this batch, as after a restore of the store."""
        found = self._checkpoints.read(job, *attempt, KEEP_BATCHES)
        return found if min(found.numbered("offsets"), default=batch) < batch else self._checkpoints.read(job, *attempt)

    def _lineage(self, head: Head, folders: Sequence[Attempt]) -> list[Attempt]:
        """Return the folders that have the epoch's state; those of earlier epochs only until this one has landed a batch of its own."""
        first = head.epoch if head.landed_here or not head.state_epoch else head.state_epoch
        return [(epoch, attempt) for epoch, attempt in folders if first <= epoch <= head.epoch]

    def _last(self, head: Head) -> Head | None:
        """Return the last landed batch, or the one whose state the epoch keeps."""
        return head if head.state is State.LANDED and head.has_batch else self._before(head)

    def _before(self, head: Head) -> Head | None:
        """Return the landed batch before that of the head, or the one whose state the epoch keeps."""
        if head.batch_id - 1 > head.base:
            return self._store.ledger_batch(head.job, head.epoch, head.batch_id - 1)
        return self._store.ledger_batch(head.job, head.state_epoch, head.base) if head.base >= 0 else None
