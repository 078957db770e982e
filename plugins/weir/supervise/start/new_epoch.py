"""Begin a new epoch of a job with a ledger, exactly as it was shown before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from spark_jobs.protocol.head import Head, Offsets, State, brought_forward, rebuilt, with_sources
from spark_jobs.protocol.partition import is_folder, unlabelled
from spark_jobs.sources.offsets import by_id
from weir.errors import BadInput, Conflict, StateLost
from weir.supervise.judge.epoch_start import EMPTY, KEPT, Beginning, Word, after_batch, after_loss, at_frontier, with_state
from weir.supervise.judge.landed_verdict import CHOICES
from weir.supervise.judge.lineage import KEEP_BATCHES, disagreement, usable
from weir.supervise.judge.report import Report
from weir.supervise.judge.requests import StartRequest
from weir.supervise.judge.restart import Action
from weir.supervise.parts import Parts
from weir.supervise.register import Register
from weir.supervise.start.checkpoint_copies import CheckpointCopies
from weir.supervise.start.takeover import Takeover


class NewEpoch:
    def __init__(self, parts: Parts, register: Register, takeover: Takeover, copies: CheckpointCopies) -> None:
        self._parts, self._register, self._takeover, self._copies = parts, register, takeover, copies

    def foresee(self, request: StartRequest) -> Beginning:
        """Return where the epoch would start if it began now. Raises what `begin` raises."""
        landed, head = self._register.newest_landed(request.job), self._register.head(request.job)
        return self._start_of(request)(brought_forward(head, landed))

    def begin(self, request: StartRequest) -> Head:
        """Begin the epoch. Raises DataLoss, BadInput, Conflict or NotRunning before anything is written."""
        start_of = self._start_of(request)

        def begin(head: Head, highest: int) -> Head:
            now = brought_forward(head, self._register.newest_landed(request.job))
            there = start_of(now)
            self._require_state(request, now)
            _require_lists(now, there.offsets)
            if request.shown and there.mark != request.shown:
                raise Conflict(
                    f"A new epoch of {request.job} would leave out other lines than were shown. Nothing was done.",
                    "Look at the preview again.",
                )
            new = rebuilt(with_sources(now, there.joined, there.names), there.offsets, there.gap, highest, there.keeps_state)
            names = {**new.names, **there.names}  # with that of a topic which takes the place of one that is gone
            return replace(new, names={source: name for source, name in names.items() if source in new.sources})

        begin(self._register.head(request.job), 0)  # refuse before anything is written
        self._parts.checkpoints.attempts(request.job)  # raises if the folders cannot be read
        return self._takeover.take(request, begin)

    def _require_state(self, request: StartRequest, head: Head) -> None:
        """Raise StateLost unless the request says whether to keep the head's state, and state that it keeps exists."""
        if not head.stateful:
            return
        choices = CHOICES.format(job=head.job)
        if request.state not in (KEPT, EMPTY):
            raise StateLost(f"A new epoch of {head.job} would begin with empty state. Nothing was done.", f"Choose: {choices}")
        if request.state == EMPTY and not request.reason.strip():
            raise BadInput("reason: giving up state for good needs a reason, which the ledger records.", "Give --reason.")
        if request.state == EMPTY and head.reads_folders and head.last_landed >= 0:
            what = f"{head.job} reads a folder, so its new epoch continues from the last landed batch, which Spark does only with its state"
            raise StateLost(f"{what}. Nothing was done.", "Keep the state, or make a new job, which reads all files into a new target.")
        if request.state == KEPT and (why := self._copies.unkept(head)):
            raise StateLost(f"The state of {head.job} cannot be kept: {why}. Nothing was done.", f"Choose: {choices}")

    def _start_of(self, request: StartRequest) -> Callable[[Head], Beginning]:
        """Return a function from a head to the start of its new epoch, which includes whether it keeps the state."""
        start_of, word = self._offsets_of(request), Word(request.who, request.reason, self._parts.now_ms())
        return lambda head: with_state(start_of(head), head, request.state, word)

    def _offsets_of(self, request: StartRequest) -> Callable[[Head], Beginning]:
        """Return a function from a head to the start of its new epoch. It asks the broker after the head was read: otherwise a batch that
        lands in between would look like a truncated log."""
        job, word = request.job, Word(request.who, request.reason, self._parts.now_ms())
        if request.cause not in (Action.ACCEPT_LOSS, Action.QUARANTINE):
            return lambda head: at_frontier(head, self._register.topic(job))
        if not request.reason.strip():
            raise BadInput("reason: leaving out lines for good needs a reason, which the ledger records.", "Give --reason.")
        if request.cause == Action.ACCEPT_LOSS:
            known = self._known_ends(job)
            return lambda head: after_loss(head, self._register.topic(job), known, word)
        end = self._failing(job, request.batch)
        return lambda head: after_batch(head, request.batch, self._register.topic(job), end, word)

    def _known_ends(self, job: str) -> Offsets:
        """Return the last known end offsets of the counted topics."""
        text, ids = self._parts.store.report(job), self._register.head(job).ids(self._register.spec(job).source.subscription.single)
        ends = Report.from_json(text).evidence.get("end_offsets") if text else None
        return unlabelled(ends, ids) if isinstance(ends, dict) else {}

    def _failing(self, job: str, batch: int) -> Offsets:
        """Return where the batch to leave out ends: as the newest attempt planned it, else as it is claimed."""
        head = self._register.head(job)
        row = self._register.row(job, head.attempt)
        claimed = head.state is State.CLAIMED and head.batch_id == batch
        if not claimed and not (row and row.exit_reason == "failed" and row.exit_batch == batch):
            raise Conflict(f"Batch {batch} of {job} is not claimed and has not failed.", f"Run: weir health {job}")
        spec = self._register.spec(job)
        plans = usable(self._parts.checkpoints.read(job, head.epoch, head.attempt, KEEP_BATCHES), spec.folders)
        topic = spec.source.subscription.single
        if plans and batch in plans.planned and not disagreement(plans, head, topic):
            return by_id(plans.planned[batch], head.ids(topic))
        if claimed:
            return head.end
        raise Conflict(f"The end of batch {batch} of {job} is unknown: its checkpoint is gone.", f"Run: weir restart {job}")


def _require_lists(head: Head, offsets: Offsets) -> None:
    """Raise Conflict if files would be left out before any batch has landed: then no plan says which files were read."""
    if head.last_landed < 0 and any(is_folder(p.source) and offset for p, offset in offsets.items()):
        cure = f"Take the file out of the folder, then run: weir checkpoint {head.job} --rebuild"
        raise Conflict(f"{head.job} has landed no batch yet, so files cannot be left out. Nothing was done.", cure)
