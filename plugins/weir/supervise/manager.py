"""The one entry to supervision, for DAGs, CLI, REST and console. Every method may be repeated, by anyone, at any time.

The manager only wires collaborators together; none of them knows the manager. Each action is bound to the attempt that was judged, so a
stale judgement cannot hit a healthy successor.
"""

from __future__ import annotations

from typing import Generic

from weir.jobs.spec import JobSpec
from weir.ports.jobs import VersionRow
from weir.supervise.act.confirmations import Confirmations
from weir.supervise.act.deployer import Deployer
from weir.supervise.act.pauses import Pauses
from weir.supervise.act.planner import Planner
from weir.supervise.act.responder import Responder
from weir.supervise.act.rollbacks import Rollbacks
from weir.supervise.act.stopper import Stopper
from weir.supervise.act.wanted import Wanted
from weir.supervise.judge.doctor import Seen
from weir.supervise.judge.epoch_start import Beginning
from weir.supervise.judge.observation import Observation
from weir.supervise.judge.plan import Plan
from weir.supervise.judge.report import Report
from weir.supervise.judge.requests import AUTOMATIC, ActionResult, StartRequest
from weir.supervise.judge.restart import Action
from weir.supervise.judge.rollback import Ruling
from weir.supervise.kind import Kinds
from weir.supervise.lifetime import Lifetime
from weir.supervise.observe.fleet import Fleet
from weir.supervise.observe.health import Health, Readiness
from weir.supervise.observe.versions import Versions
from weir.supervise.parts import Parts, S
from weir.supervise.register import Register
from weir.supervise.start.checkpoint_copies import CheckpointCopies
from weir.supervise.start.endings import Endings
from weir.supervise.start.fenced import FencedPreparation
from weir.supervise.start.new_epoch import NewEpoch
from weir.supervise.start.standbys import Standbys
from weir.supervise.start.starter import Starter
from weir.supervise.start.takeover import Takeover
from weir.supervise.start.unfenced_drivers import UnfencedDrivers
from weir.supervise.start.unfenced_preparation import UnfencedPreparation
from weir.supervise.timeline import Timeline


class Manager(Generic[S]):
    def __init__(self, specs: dict[str, JobSpec], parts: Parts[S], kinds: Kinds) -> None:
        self.store, self.source = parts.store, parts.source
        self._lifetime = Lifetime(self.store)
        self._register, timeline, copies = Register(specs, parts), Timeline(parts), CheckpointCopies(parts.checkpoints, parts.store)
        takeover, self._versions, wanted = Takeover(parts, self._register, timeline), Versions(parts, self._register), Wanted(parts)
        self._new_epoch = NewEpoch(parts, self._register, takeover, copies)
        self._standbys = Standbys(parts, self._register, timeline, kinds)
        fenced = FencedPreparation(parts, self._register, timeline, takeover, self._new_epoch, copies)
        endings = Endings(parts, self._register, self._versions)
        drivers = UnfencedDrivers(parts, self._register, endings)
        unfenced = UnfencedPreparation(parts, self._register, takeover, drivers)
        self._starter = Starter(parts, self._register, timeline, self._standbys, kinds, {True: fenced, False: unfenced})
        self._stopper = Stopper(parts, self._register, timeline, takeover, self._standbys, wanted, kinds, drivers)
        self._health = Health(parts, self._register, self._versions, Fleet(parts, kinds), Fleet(parts, kinds, keeps=False))
        self._planner = Planner(parts, self._register, self._versions, copies, kinds, drivers)
        self._deployer = Deployer(parts, self._register, self._health, self._versions, self._planner, wanted, self._starter, kinds, drivers)
        self._rollbacks = Rollbacks(parts, self._register, self._health, self._versions, wanted, self._starter)
        self._responder = Responder(parts, self._register, self._health, endings, self._rollbacks, self._starter)
        self._confirmations = Confirmations(parts, self._register, timeline, self._health, kinds, drivers)
        self._pauses = Pauses(parts, self._register, timeline)

    @property
    def specs(self) -> dict[str, JobSpec]:
        """Return the specs of the job folders, by job."""
        return self._register.specs

    @specs.setter
    def specs(self, specs: dict[str, JobSpec]) -> None:
        self._register.specs = specs

    def close(self) -> None:
        """Close the store, at once or when its last user has left."""
        self._lifetime.close()

    def enter(self) -> None:
        """Keep the store open until `leave`, for work in the background."""
        self._lifetime.enter()

    def leave(self) -> None:
        self._lifetime.leave()

    # deploy, stop

    def plan(self, job: str, to: str = "") -> Plan:
        """Return what a deploy would do. See Planner.plan."""
        return self._planner.plan(job, to)

    def deploy(self, job: str, who: str = AUTOMATIC, reason: str = "", plan: Plan | None = None) -> ActionResult:
        """Make the job run with the spec and the code that are here, or those of a plan. See Deployer.deploy."""
        return self._deployer.deploy(job, who, reason, plan)

    def ruling(self, job: str, late: bool) -> Ruling:
        """Return whether the version that was deployed last should be rolled back. See Rollbacks.ruling."""
        return self._rollbacks.ruling(job, late)

    def roll_back(self, job: str, late: bool) -> ActionResult | None:
        """Go back to the last good version, if the present one is at fault. See Rollbacks.roll_back."""
        return self._rollbacks.roll_back(job, late)

    def taken_back(self, job: str) -> str:
        """Return why the version that was deployed last is not the one that runs; empty if it is."""
        return self._rollbacks.taken_back(job)

    def versions(self, job: str) -> list[VersionRow]:
        """Return every version that was deployed, the last one first. Raises UnknownJob."""
        return self._versions.all(job)

    def kept(self) -> set[str]:
        """Return the versions whose code is here."""
        return self._versions.kept()

    def stop(self, job: str, who: str = AUTOMATIC, reason: str = "") -> ActionResult:
        """Let the batch at work land, end the driver, and keep the job stopped. See Stopper.stop."""
        return self._stopper.stop(job, who, reason)

    def confirm_ended(self, job: str, attempt: int, who: str = AUTOMATIC, reason: str = "") -> ActionResult:
        """Record that an operator has confirmed the end of an unconfirmed attempt's driver. See Confirmations.confirm."""
        return self._confirmations.confirm(job, attempt, who, reason)

    def confirmable(self, job: str) -> int:
        """Return the attempt whose driver may be confirmed ended. Raises UnknownJob, Conflict. See Confirmations.look."""
        return self._confirmations.look(job)

    # the next attempt

    def restart(self, job: str, judged: int | None = None, who: str = AUTOMATIC, reason: str = "") -> ActionResult:
        """Start the next attempt from the same checkpoint.

        Raises Conflict (another attempt has taken over since `judged`), DataLoss (the broker no longer has some lines), Diverged.
        """
        return self._starter.start(StartRequest(job, self._judged(job, judged), str(Action.RESTART), who, reason))

    def rebuild(
        self, job: str, judged: int | None = None, who: str = AUTOMATIC, reason: str = "", shown: str = "", state: str = ""
    ) -> ActionResult:
        """Begin a new epoch exactly where the last landed batch ended, with a new checkpoint.

        `state` is `kept` or `empty`, for a job with state. Raises StateLost if such a job is given neither.
        """
        judged = self._judged(job, judged)
        return self._starter.start(StartRequest(job, judged, str(Action.REBUILD), who, reason, shown=shown, state=state))

    def accept_loss(
        self, job: str, judged: int | None = None, who: str = AUTOMATIC, reason: str = "", shown: str = "", state: str = ""
    ) -> ActionResult:
        """Begin a new epoch at the first offsets that the broker still has. The ledger keeps the rest as a gap, with who and why.

        `shown` is the mark of the epoch's start that the operator was shown, `state` as in `rebuild`. Raises BadInput without a reason,
        Conflict if nothing is lost, or if the loss is not what was shown.
        """
        judged = self._judged(job, judged)
        return self._starter.start(StartRequest(job, judged, str(Action.ACCEPT_LOSS), who, reason, shown=shown, state=state))

    def quarantine(
        self,
        job: str,
        judged: int | None = None,
        who: str = AUTOMATIC,
        reason: str = "",
        batch: int | None = None,
        shown: str = "",
        state: str = "",
    ) -> ActionResult:
        """Begin a new epoch after the batch that fails. The ledger keeps exactly its offsets as a gap, with who left it out and why.

        Without `batch` the verdict must be poisoned. Raises BadInput without a reason, Conflict if another batch is the next one.
        """
        self._register.wanted_running(job)
        batch = self.poisoned(job) if batch is None else batch
        judged = self._judged(job, judged)
        return self._starter.start(StartRequest(job, judged, str(Action.QUARANTINE), who, reason, batch, shown=shown, state=state))

    def foresee(self, job: str, act: Action, reason: str = "", batch: int = -1, state: str = "") -> tuple[int, Beginning]:
        """Return what `rebuild`, `accept_loss` or `quarantine` would do: the attempt to be replaced, and where the epoch would start."""
        self._register.wanted_running(job)
        request = StartRequest(job, self._register.head(job).attempt, str(act), reason=reason, batch=batch, state=state)
        return request.judged, self._new_epoch.foresee(request)

    def act(self, report: Report) -> ActionResult | None:
        """Take the action that a report decided on, if it is due. Return None if nothing was done. See Responder.act."""
        return self._responder.act(report)

    def tend(self, report: Report) -> None:
        """Start, promote or retire standbys as a report decided. Raises NotRunning."""
        self._standbys.tend(report)

    def _judged(self, job: str, judged: int | None) -> int:
        return self._register.attempt(job) if judged is None else judged

    # pauses

    def hold(self, job: str, who: str, reason: str) -> ActionResult:
        """Keep Weir from acting on a job until `release`. Raises UnknownJob, or BadInput without a reason."""
        return self._pauses.hold(job, who, reason)

    def release(self, job: str, who: str, reason: str = "") -> ActionResult:
        """Let Weir act on a job again. Raises UnknownJob."""
        return self._pauses.release(job, who, reason)

    def maintenance(self, job: str, for_ms: int, who: str, reason: str) -> ActionResult:
        """Keep Weir from acting on a job for a time. Raises UnknownJob, or BadInput without a reason or a time."""
        return self._pauses.maintenance(job, for_ms, who, reason)

    def end_maintenance(self, job: str, who: str, reason: str = "") -> ActionResult:
        """End a maintenance window before its time. Raises UnknownJob."""
        return self._pauses.end_maintenance(job, who, reason)

    # observe and judge

    def spec(self, job: str) -> JobSpec:
        """Return the spec that the job is judged and counted by. Raises UnknownJob."""
        return self._register.spec(job)

    def known(self, job: str) -> None:
        """Raise UnknownJob unless the job has a spec or a timeline."""
        self._register.known(job)

    def health(self, job: str) -> Report:
        """Observe, judge and decide for one job, and keep the report. Never acts. Raises UnknownJob."""
        return self._health.report(self._register.find(job))

    def tick(self) -> list[Report]:
        """Make one pass over the fleet. A job that cannot be judged does not stop the pass."""
        return self._health.reports()

    def onlooker(self) -> Fleet:
        """Return a fleet that judges but stores no reports. See Health."""
        return self._health.onlooker

    def observe(self, job: str) -> Observation:
        """Observe a job. A part that does not answer is unknown; raises NotRunning if the store does not answer."""
        return self._health.observation(self._register.find(job))

    def poisoned(self, job: str) -> int:
        """Return the batch that failed twice with the same error. Raises Conflict if none did."""
        return self._health.poisoned(job)

    def ready(self, job: str, attempt: int) -> Readiness:
        """Return whether the attempt has landed a batch, or has rehearsed one without input. See Health.ready."""
        return self._health.ready(job, attempt)

    def wait_ready(self, job: str, attempt: int, timeout_s: float) -> Readiness:
        """Wait until the attempt is ready, or runs without input and cannot show that it is. See Health.wait_ready."""
        return self._health.wait_ready(job, attempt, timeout_s)

    def wait_landed(self, job: str, timeout_s: float) -> bool:
        """Wait until all lines that the source has now have landed. Return False at the timeout."""
        return self._health.wait_landed(job, timeout_s)

    def drivers(self) -> list[tuple[str, Observation]]:
        """Return the observation of each job that should run."""
        return self._health.drivers()

    def checkpoint(self, job: str) -> Seen | None:
        """Return the checkpoint folder of the newest attempt, with what it is judged by; None if the job was never deployed."""
        return self._health.checkpoint(job)

    def log_link(self, job: str) -> str:
        """Return where the newest driver's log is, as a URL; empty if unknown."""
        return self._health.log_link(job)


__all__ = ["AUTOMATIC", "ActionResult", "Manager"]
