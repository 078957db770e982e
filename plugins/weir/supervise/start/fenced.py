"""Prepare a start with fencing: a superseded driver can no longer write, so there is no need to wait for its end.

The next attempt takes over and continues from a copy of the checkpoint, or a new epoch begins. If this process is killed in between, the
next tick starts the next attempt.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from spark_jobs.protocol.head import Head, with_sources
from spark_jobs.protocol.partition import sources_of
from spark_jobs.runtime.contract import Exit
from weir.errors import DataLoss, Diverged, NotRunning, StateLost
from weir.jobs.models import model_of
from weir.jobs.spec import JobSpec
from weir.ports.attempts import AttemptStore
from weir.ports.cluster import DriverState
from weir.supervise.judge.epoch_start import Bounds
from weir.supervise.judge.landed_verdict import state_lost
from weir.supervise.judge.lineage import forgotten
from weir.supervise.judge.observation import Observation
from weir.supervise.judge.plan import fixed
from weir.supervise.judge.report import Verdict
from weir.supervise.judge.requests import AUTOMATIC, StartRequest
from weir.supervise.judge.restart import Action
from weir.supervise.judge.verdict import judge
from weir.supervise.kind import Start
from weir.supervise.parts import Parts, or_none
from weir.supervise.register import Register
from weir.supervise.start.checkpoint_copies import CheckpointCopies
from weir.supervise.start.new_epoch import NewEpoch
from weir.supervise.start.takeover import Takeover
from weir.supervise.timeline import Timeline

T = TypeVar("T")


class FencedPreparation:
    def __init__(
        self, parts: Parts, register: Register, timeline: Timeline, takeover: Takeover, new_epoch: NewEpoch, copies: CheckpointCopies
    ) -> None:
        self._parts, self._register, self._timeline = parts, register, timeline
        self._attempts: AttemptStore = parts.store
        self._takeover, self._new_epoch, self._copies = takeover, new_epoch, copies

    def prepare(self, request: StartRequest, spec: JobSpec) -> Start:
        """Prepare the start. Raises Conflict, DataLoss, Diverged or NotRunning."""
        job = request.job
        before = self._register.head(job)
        topic = or_none(lambda: self._register.topic(job))  # after the head: a log ends no earlier than what has landed
        if topic and not request.begins_epoch:
            self._refuse_loss(before, spec, topic)
        anew = request.begins_epoch or self._changes_what_is_fixed(request, spec)
        head = self._begun(request, spec) if anew else self._continued(request, spec, topic)
        self._tell_joined(before, head)
        return Start(request.version, before, head, self._copies.location(head), topic.ends if topic else {})

    def started(self, start: Start) -> None:
        self._copies.tidy(start.head)

    def _changes_what_is_fixed(self, request: StartRequest, spec: JobSpec) -> bool:
        """Return whether the spec needs a new epoch. The model of its options is loaded only if it differs: no restart waits for that."""
        ran = self._register.ran(request.job)
        return ran != spec and bool(fixed(ran, spec, model_of(self._parts.bundles.folder(request.version), spec)))

    def _refuse_loss(self, head: Head, spec: JobSpec, topic: Bounds) -> None:
        """Raise DataLoss if a driver could only start at the wrong offsets."""
        wanted = self._register.wanted_running(head.job)
        seen = Observation(
            self._parts.now_ms(),
            wanted,
            head,
            (),
            DriverState.UNKNOWN,
            topic.ends,
            topic.earliest,
            None if topic.names else topic.topic_id,
            topic.names or None,
            log_ends=topic.log_ends,
        )
        report = judge(head.job, seen, spec.health, None)
        if report.verdict is Verdict.DATA_LOSS:
            raise DataLoss(f"{report.sentence}.", f"Run: {report.next_step}")

    def _continued(self, request: StartRequest, spec: JobSpec, there: Bounds | None) -> Head:
        """Take over and copy the checkpoint, or begin a new epoch if no checkpoint can be continued and the spec allows it.

        Raises Diverged, NotRunning. After the takeover the attempt's row records why, and the next verdict says it.
        """

        def join(head: Head) -> Head:
            return with_sources(head, there.joining(head), there.names) if there else head

        head = self._takeover.take(request, join=join)
        landed = self._register.newest_landed(request.job)
        finding = forgotten(head, landed) or self._noted(head, lambda: self._copied(head, spec))
        if not finding:
            return head
        if head.stateful or head.state_epoch or head.reads_folders:
            raise self._state_lost(head, finding)
        self._attempts.put_exit(head.job, head.attempt, "", "diverged", finding, -1)
        if not spec.restart.rebuild_on_divergence:
            raise Diverged(f"The checkpoint of {head.job} cannot be continued: {finding}.", f"Run: weir checkpoint {head.job} --doctor")
        return self._rebuild(replace(request, judged=head.attempt, cause=str(Action.REBUILD), who=AUTOMATIC, reason=finding))

    def _begun(self, request: StartRequest, spec: JobSpec) -> Head:
        """Begin a new epoch, with the state that it keeps. Raises StateLost, NotRunning."""
        head = self._new_epoch.begin(request)
        if head.state_epoch and (why := self._noted(head, lambda: self._copied(head, spec))):
            raise self._state_lost(head, why)
        return head

    def _copied(self, head: Head, spec: JobSpec) -> str:
        return self._copies.copy(head, spec.source.subscription.single, spec.folders)

    def _state_lost(self, head: Head, why: str) -> StateLost:
        """Record that the attempt has no state, or no lists of files, to begin with. Return the error, which the next verdict says, too."""
        self._attempts.put_exit(head.job, head.attempt, "", Exit.STATE_LOST.name.lower(), why, -1)
        _, _, next_step = state_lost(head)
        what = "The state" if head.stateful or not head.reads_folders else "The list of the files read"
        return StateLost(f"{what} of {head.job} is lost: {why}.", f"Choose: {next_step.format(job=head.job)}")

    def _tell_joined(self, before: Head, head: Head) -> None:
        """Add to the timeline which topics joined the job, and where they begin."""
        begins = {p: offset for p, offset in head.begins.items() if before.begins.get(p) != offset}
        for source in sorted(sources_of(begins)):
            name, offsets = head.names[source], {str(p.number): offset for p, offset in sorted(begins.items()) if p.source == source}
            where = ", ".join(f"partition {number} at {offset}" for number, offset in offsets.items())
            sentence = f"{head.job}: the topic {name} joined the job with attempt {head.attempt}. It begins with {where}."
            self._timeline.tell(head.job, "topic", sentence, head.attempt, AUTOMATIC, "", {"topic": name, "id": source, "offsets": offsets})

    def _rebuild(self, request: StartRequest) -> Head:
        job, finding = request.job, request.reason
        new = self._new_epoch.begin(request)
        sentence = f"{job}: the checkpoint could not be continued, so epoch {new.epoch} begins where the ledger ends: {finding}"
        self._timeline.tell(job, request.cause, sentence, new.attempt, AUTOMATIC, finding, {"epoch": new.epoch, "finding": finding})
        return new

    def _noted(self, head: Head, work: Callable[[], T]) -> T:
        """Return what `work` returns. If it raises NotRunning, record that the attempt ended before it began."""
        try:
            return work()
        except NotRunning as error:
            self._attempts.put_exit(head.job, head.attempt, "", "lost", error.what, -1)
            raise
