"""How an attempt starts: take over, copy the checkpoint or begin a new epoch, call up a standby or submit a driver. Killed anywhere in
between, the next tick takes the next attempt."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from spark_jobs import failpoint
from spark_jobs.protocol.head import Head, Offsets, State, brought_forward, rebuilt
from weir.errors import BadInput, Conflict, DataLoss, Diverged, NotRunning
from weir.jobs.models import model_of
from weir.jobs.spec import JobSpec, parse
from weir.ports.cluster import DriverState
from weir.ports.jobs import AttemptRow
from weir.supervise import takeover
from weir.supervise.epoch_start import Beginning, Topic, Word, after_batch, after_loss, at_frontier
from weir.supervise.lineage import KEEP_BATCHES, Plans, disagreement, forgotten, usable
from weir.supervise.observation import KILLED_FOR_MEMORY, Observation
from weir.supervise.parts import or_none
from weir.supervise.plan import fixed
from weir.supervise.report import Report, Verdict
from weir.supervise.restart import Act
from weir.supervise.standby_keeper import StandbyKeeper
from weir.supervise.submission import arguments, enlarged, submission
from weir.supervise.verdict import judge

T = TypeVar("T")
AUTOMATIC = "weir"  # who acts when no person does: only these restarts use up the budget
ANEW = frozenset({Act.REBUILD, Act.ACCEPT_LOSS, Act.QUARANTINE})  # what begins a new epoch
KEEP_ATTEMPTS = 3  # folders of an epoch, to look into after a fault

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Action:
    """What was done: nothing (`changed` False), or `attempt` was started; and a sentence for people."""

    changed: bool
    attempt: int
    sentence: str


@dataclass(frozen=True)
class Order:
    """Replace the attempt that was judged. `cause` is an act, deploy or rollback; `batch` is the one to be left out, of a quarantine;
    `shown` is the mark of the beginning that a person agreed to, empty for whatever it is; `changes` are those of a deploy's spec."""

    job: str
    judged: int
    cause: str
    who: str = AUTOMATIC
    reason: str = ""
    batch: int = -1
    version: str = ""
    shown: str = ""
    changes: Sequence[str] = ()


class Starter(StandbyKeeper):
    def _start(self, order: Order) -> Action:
        job, wanted = order.job, self._wanted_running(order.job)
        order = replace(order, version=wanted.version)
        spec, cluster = parse(wanted.spec, f"version {wanted.version}"), self._cluster(job)  # nothing is taken over that cannot be started
        before, topic = self._head(job), or_none(lambda: self._topic(job))  # in this order: a log ends no earlier than what has landed
        if topic and order.cause not in ANEW:
            self._refuse_loss(before, spec, topic)
        code = Path(self._settings.bundles) / wanted.version
        anew = order.cause in ANEW or fixed(self._ran(job), spec, model_of(code, spec))
        head = self._begin(order) if anew else self._go_on(order, spec)
        failpoint.reach("takeover.copy")
        checkpoint = self._checkpoints.location(job, head.epoch, head.attempt)
        args = arguments(spec, head, wanted.version, checkpoint, self._settings, topic.ends if topic else ())
        standby = self._call_up(wanted, args)
        submission_id = standby or cluster.submit(submission(enlarged(spec, self.store.attempts(job)), args, code, self._settings))
        failpoint.reach("takeover.submit")
        self.store.put_submitted(job, head.attempt, submission_id, self._now_ms())
        how = "was given to the standby" if standby else "was submitted as"
        sentence = f"{job}: attempt {head.attempt} {how} {submission_id}."
        detail = {**(or_none(lambda: self._circumstances(order, before, head)) or {}), **({"standby": standby} if standby else {})}
        self._tell(job, order.cause, sentence + _in_words(order, detail), head.attempt, order.who, order.reason, detail)
        self._tidy(head)
        return Action(True, head.attempt, sentence)

    def _ran(self, job: str) -> JobSpec | None:
        """The spec of the newest driver, None if nobody knows it. It says what the epoch has fixed, whoever starts the next driver."""
        version = next((a.version for a in self.store.attempts(job) if a.used), "")
        text = next((v.spec for v in self.store.versions(job) if v.version == version), "")
        return or_none(lambda: parse(text, f"version {version}")) if text else None

    def _circumstances(self, order: Order, before: Head, head: Head) -> dict[str, object]:
        """What belongs to a start in the timeline: what it replaces, how that ended and how long ago, and what is left out. A driver that
        was killed has left no word: then `batch` is the next one, and all that is known is since when nothing has landed."""
        facts: dict[str, object] = {"epoch": head.epoch, "version": order.version, "replaces": order.judged}
        facts |= {"batch": before.last_landed + 1, "offsets": {str(p): o for p, o in before.frontier.items()}}
        if before.landed_at:
            facts["unlanded_ms"] = self._now_ms() - before.landed_at
        if order.changes:
            facts["changes"] = list(order.changes)
        old = self._row(order.job, order.judged)
        if old and old.version != order.version:
            facts["version_before"] = old.version
        if old and old.exit_reason:
            facts |= {"exit": old.exit_reason, "error": old.exit_error}
        if old and old.exit_reason and old.exit_error != KILLED_FOR_MEMORY:  # that was noted a moment ago
            facts["down_ms"] = self._now_ms() - old.exited_at
        if old and old.exit_batch >= 0:
            facts["batch"] = old.exit_batch
        if order.batch >= 0:
            facts["batch"] = order.batch
        if head.gap and order.cause in ANEW:
            facts["lines_left_out"] = head.gap.lines
        return facts

    # from the checkpoint

    def _go_on(self, order: Order, spec: JobSpec) -> Head:
        """The next attempt, with a copy of the checkpoint; or a new epoch, where none leads on and the spec allows it.

        Raises Diverged, NotRunning. Once it has taken over, the attempt's row says why, and so does the next verdict.
        """
        head = self._take(order)
        finding = forgotten(head, self._newest_row(order.job)) or self._noted(head, lambda: self._copy(head, spec.source.topic))
        if not finding:
            return head
        self.store.put_exit(head.job, head.attempt, "", "diverged", finding, -1)
        if not spec.restart.rebuild_on_divergence:
            raise Diverged(f"The checkpoint of {head.job} does not lead on: {finding}.", f"Run: weir checkpoint {head.job} --doctor")
        new = self._begin(replace(order, judged=head.attempt, cause=str(Act.REBUILD), who=AUTOMATIC, reason=finding))
        sentence = f"{head.job}: the checkpoint did not lead on, and epoch {new.epoch} begins where the ledger ends: {finding}"
        self._tell(head.job, str(Act.REBUILD), sentence, new.attempt, AUTOMATIC, finding, {"epoch": new.epoch, "finding": finding})
        return new

    def _refuse_loss(self, head: Head, spec: JobSpec, topic: Topic) -> None:
        """Raises DataLoss where a driver could only start from a wrong place."""
        wanted = self._wanted_running(head.job)
        seen = Observation(self._now_ms(), wanted, head, (), DriverState.UNKNOWN, topic.ends, topic.earliest, topic.id)
        report = judge(head.job, seen, spec.health, None)
        if report.verdict is Verdict.DATA_LOSS:
            raise DataLoss(f"{report.sentence}.", f"Run: {report.next_step}")

    def _copy(self, head: Head, topic: str) -> str:
        """Copy the newest earlier folder of the epoch that leads on from what has landed. Returns why there is none, empty if all is well:
        where nothing has landed, an empty folder begins at the right place."""
        folders = self._checkpoints.attempts(head.job)
        if any(attempt >= head.attempt for _, attempt in folders):
            raise NotRunning(f"The checkpoints of {head.job} have come back, and know later attempts than {head.attempt}.", "Try again.")
        earlier = [a for e, a in folders if e == head.epoch]
        plans, why = self._leading(head, earlier, topic)
        if plans:
            self._checkpoints.put(head.job, head.epoch, head.attempt, plans.contents)
        return why

    def _tidy(self, head: Head) -> None:
        """Let go of old folders, once a driver is on its way: a folder that cannot be deleted must keep no stream from starting."""
        try:
            earlier = [a for e, a in self._checkpoints.attempts(head.job) if e == head.epoch and a < head.attempt]
            self._checkpoints.forget(head.job, head.epoch, earlier[:-KEEP_ATTEMPTS])
        except Exception:
            log.exception("old checkpoints of %s could not be deleted", head.job)

    def _leading(self, head: Head, attempts: Sequence[int], topic: str) -> tuple[Plans | None, str]:
        """What the newest of the attempts' folders that leads on has, or why none does; neither where nothing has landed."""
        told: list[str] = []
        for attempt in reversed(attempts):
            plans = usable(self._checkpoints.read(head.job, head.epoch, attempt, KEEP_BATCHES))
            why = disagreement(plans, head, topic)
            if plans and not why:
                return plans, ""
            told.append(f"attempt {attempt}: {why}")
        return None, "" if head.last_landed < 0 else "; ".join(told) or "there is no folder of an earlier attempt"

    def _noted(self, head: Head, work: Callable[[], T]) -> T:
        """What `work` returns. If a part fails it, the attempt has ended before it began, and its row says so."""
        try:
            return work()
        except NotRunning as error:
            self.store.put_exit(head.job, head.attempt, "", "lost", error.what, -1)
            raise

    # a new epoch

    def _begin(self, order: Order) -> Head:
        beginning = self._beginning(order)

        def begin(head: Head, highest: int) -> Head:
            now = brought_forward(head, self._newest_row(order.job))
            there = beginning(now)
            if order.shown and there.mark != order.shown:
                raise Conflict(f"What a new epoch of {order.job} would leave out is not what was shown. Nothing was done.", "Look again.")
            return rebuilt(now, there.offsets, there.topic_id, there.gap, highest)

        begin(self._head(order.job), 0)  # refused before anything is written
        self._checkpoints.attempts(order.job)  # and where the folders cannot be read
        return self._take(order, begin)

    def _beginning(self, order: Order) -> Callable[[Head], Beginning]:
        """Where the new epoch of a head begins. The broker is asked after the head was read: what lands meanwhile is no cut log."""
        job, word = order.job, Word(order.who, order.reason, self._now_ms())
        if order.cause not in (Act.ACCEPT_LOSS, Act.QUARANTINE):
            return lambda head: at_frontier(head, self._topic(job))
        if not order.reason.strip():
            raise BadInput("reason: what is left out for ever needs a reason; it is kept in the ledger.", "Give --reason.")
        if order.cause == Act.ACCEPT_LOSS:
            known = self._known_ends(job)
            return lambda head: after_loss(head, self._topic(job), known, word)
        end = self._failing(job, order.batch)
        return lambda head: after_batch(head, order.batch, self._topic(job), end, word)

    def _known_ends(self, job: str) -> Offsets:
        """How far the topic that the head counts was last seen to reach."""
        text = self.store.report(job)
        ends = Report.from_json(text).evidence.get("end_offsets") if text else None
        return {int(p): int(o) for p, o in ends.items()} if isinstance(ends, dict) else {}

    def _failing(self, job: str, batch: int) -> Offsets:
        """Where the batch ends that is to be left out: as the newest attempt planned it, else as it is claimed."""
        head = self._head(job)
        row = self._row(job, head.attempt)
        claimed = head.state is State.CLAIMED and head.batch_id == batch
        if not claimed and not (row and row.exit_reason == "failed" and row.exit_batch == batch):
            raise Conflict(f"Batch {batch} of {job} neither is claimed nor has failed.", f"Run: weir health {job}")
        plans = usable(self._checkpoints.read(job, head.epoch, head.attempt, KEEP_BATCHES))
        if plans and batch in plans.planned and not disagreement(plans, head, self.spec(job).source.topic):
            return plans.planned[batch][1]
        if claimed:
            return head.end
        raise Conflict(f"Nobody knows where batch {batch} of {job} ends: its checkpoint is gone.", f"Run: weir restart {job}")

    # taking over

    def _take(self, order: Order, begin: Callable[[Head, int], Head] | None = None) -> Head:
        job, judged = order.job, order.judged
        highest = self._highest(job)
        if self._judged(job, None) != judged:  # seen before anything is written; takeover looks again
            raise Conflict(f"{job} is no longer at attempt {judged} that was judged.", f"Run: weir health {job}")
        row = AttemptRow(max(judged, highest) + 1, order.cause, order.who, order.reason, self._now_ms(), order.version)
        self.store.put_attempt(job, row)
        failpoint.reach("takeover.note")
        if begin:
            head = takeover.rebuild(self.store, job, judged, lambda head: begin(head, highest))
        else:
            head = takeover.take_over(self.store, job, judged, highest)
        failpoint.reach("takeover.swap")
        self.store.put_attempt(job, replace(row, attempt=head.attempt))  # whoever lost the race may have noted itself in between
        old = self._row(job, judged)
        if old and old.submission_id:
            self._cluster(job).kill(old.submission_id)  # it has been superseded: this only frees its cores sooner
        sentence = f"{job}: attempt {head.attempt} has taken over" + (f" from attempt {judged}." if judged else ".")
        self._tell(job, "takeover", sentence, head.attempt, order.who, order.reason, {"epoch": head.epoch, "cause": order.cause})
        return head

    def _highest(self, job: str) -> int:
        """The highest attempt that anything beside the head knows of: a head restored from a backup has forgotten the last ones.

        Folders that cannot be read are asked again before an attempt is copied, or an epoch begins.
        """
        rows = (a.attempt for a in self.store.attempts(job) if a.used)
        folders = or_none(lambda: self._checkpoints.attempts(job)) or ()
        return max((*rows, *(attempt for _, attempt in folders)), default=0)


def _in_words(order: Order, facts: Mapping[str, object]) -> str:
    """The circumstances that a person wants to read: of a restart how long it was down and where it goes on, of a deploy what changed."""
    told: list[str] = []
    if order.cause in (Act.RESTART, Act.REBUILD):
        told.append(f"{_since(facts)} goes on with batch {facts.get('batch')}")
    if order.changes:
        told.append(f"Changed: {'; '.join(order.changes)}")
    return "".join(f" {sentence}." for sentence in told)


def _since(facts: Mapping[str, object]) -> str:
    """How long it was down, if its driver left a word; else how long nothing had landed, which may be for want of input."""
    if isinstance(down_ms := facts.get("down_ms"), int):
        return f"It was down for {down_ms / 1000:.0f} s, and"
    if isinstance(unlanded_ms := facts.get("unlanded_ms"), int):
        return f"Nothing had landed for {unlanded_ms / 1000:.0f} s, and it"
    return "It"
