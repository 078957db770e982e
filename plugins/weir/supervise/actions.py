"""Define the actions that an operator can take on a job, from its page or by REST: the text, the same as a command, and the code.

A form keeps what it showed. If that has changed by the time it is sent, nothing is done.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from weir.errors import BadInput, Conflict
from weir.jobs.kinds import Capability, Kind
from weir.jobs.specs import require
from weir.supervise import epochs
from weir.supervise.judge.epoch_start import EMPTY, KEPT
from weir.supervise.judge.pause import HOLD, MAINTENANCE
from weir.supervise.judge.plan import Kind as PlanKind
from weir.supervise.judge.plan import Plan
from weir.supervise.judge.report import Verdict
from weir.supervise.judge.restart import Action
from weir.times import parse_duration

if TYPE_CHECKING:
    from weir.supervise.manager import ActionResult, Manager

GIVE_S = 180.0  # far above what the longest action takes: a driver that is stopped is given a minute


@dataclass(frozen=True)
class ActionRequest:
    """An operator's request for an action."""

    job: str
    who: str
    reason: str = ""
    lasts: str = ""  # a duration, where the action needs one
    shown: str = ""  # what the form showed; the action is refused if it has changed


@dataclass(frozen=True)
class Shown:
    """What a form shows beside its text."""

    lines: Sequence[str] = ()  # about the job as it is now
    held_to: str = ""  # if this has changed when the form is sent, nothing is done
    refused: bool = False  # True: no form is offered
    options: str = ""  # `held_to` as options of the command line
    body: Mapping[str, object] = field(default_factory=dict)  # `held_to` as fields of the REST request


@dataclass(frozen=True)
class ActionForm:
    """An action that an operator can take, and when it is offered. `says` and `command` contain `{job}`."""

    title: str
    says: str
    command: str
    do: Callable[[Manager, ActionRequest], ActionResult]
    dangerous: bool = False  # the operator must type the job's name
    reason: bool = True  # a reason is required
    lasts: bool = False  # a duration is required
    shows: Callable[[Manager, str], Shown] = lambda manager, job: Shown()
    when: str = ""  # offered while a pause of this kind is active; empty: always
    unless: str = ""  # not offered while a pause of this kind is active
    of: Collection[Verdict] = ()  # offered for these verdicts; empty: for any
    needs: Capability | None = None  # offered for kinds of jobs with this capability; None: for all

    def fits(self, kind: Kind | None) -> bool:
        """Return whether jobs of the kind have this action. An unknown kind (None) has all."""
        return self.needs is None or kind is None or kind.can(self.needs)

    def offered(self, said: Collection[str], verdict: str) -> bool:
        in_order = (not self.when or self.when in said) and (not self.unless or self.unless not in said)
        return in_order and (not self.of or verdict in self.of)


def check(action: ActionForm, request: ActionRequest, typed: str) -> None:
    """Raises BadInput that names the field."""
    if action.dangerous and typed.strip() != request.job:
        raise BadInput(f"name: the text that you typed is not {request.job}. Nothing was done.", "Type the job's name.")
    if action.reason and not request.reason.strip():
        raise BadInput("reason: missing. Nothing was done.", "Give a reason: the timeline records it.")
    if action.lasts:
        parse_duration(request.lasts, "for")


def _attempt(manager: Manager, job: str) -> Shown:
    head = manager.store.head(job)
    at = head.attempt if head else 0
    return Shown([f"{job} is at attempt {at} now."], str(at), options=f"--attempt {at}", body={"attempt": at})


def _unconfirmed(manager: Manager, job: str) -> Shown:
    at = manager.confirmable(job)
    line = f"Unknown: whether the driver of {job}, attempt {at}, has ended."
    return Shown([line], str(at), options=f"--attempt {at}", body={"attempt": at})


def _head(manager: Manager, job: str) -> Shown:
    """For actions that apply to whichever attempt is current."""
    return Shown(_attempt(manager, job).lines)


def _epoch(action: Action, state: str = "") -> Callable[[Manager, str], Shown]:
    def shows(manager: Manager, job: str) -> Shown:
        lines, held = epochs.foreseen(manager, job, action, state)
        return Shown(lines, str(held), options=held.options, body=held.body)

    return shows


def _begin(action: Action, state: str = "") -> Callable[[Manager, ActionRequest], ActionResult]:
    def do(manager: Manager, request: ActionRequest) -> ActionResult:
        return epochs.begin(manager, request.job, action, epochs.Held.of(request.shown), request.who, request.reason, state)

    return do


def _judged(request: ActionRequest) -> int:
    """The attempt that was shown. Raises BadInput."""
    if not request.shown.isascii() or not request.shown.isdecimal():
        raise BadInput(f"attempt: {request.shown!r} is not an attempt. Nothing was done.", "Give only the attempt to replace.")
    return int(request.shown)


def _plan(manager: Manager, job: str) -> Shown:
    plan = manager.plan(job)
    lines = [*plan.lines(), *([f"This deploy would be refused: {plan.refusals}"] if plan.refusals else [])]
    return Shown(lines, _gist(plan), refused=plan.kind in (PlanKind.REFUSED, PlanKind.NO_CHANGE), body={"plan": _gist(plan)})


def _gist(plan: Plan) -> str:
    return f"{plan.before} {plan.version} {plan.kind}"


def _deploy(manager: Manager, request: ActionRequest) -> ActionResult:
    plan = manager.plan(request.job)
    if _gist(plan) != request.shown:
        raise Conflict(f"The plan for {request.job} has changed since it was shown. Nothing was done.", "Look at the plan again.")
    return manager.deploy(request.job, request.who, request.reason, plan)


ACTIONS = {
    "deploy": ActionForm(
        "Deploy",
        "Deploy the present spec and code of {job}. This is the plan:",
        'weir deploy {job} --reason "..."',
        _deploy,
        dangerous=True,
        shows=_plan,
    ),
    "restart": ActionForm(
        "Restart",
        "The next attempt of {job} starts from the same checkpoint. From then on the present driver can no longer write. "
        "Nothing is lost and nothing is counted twice; counting pauses until the new driver has started.",
        'weir restart {job} --reason "..."',
        lambda manager, request: manager.restart(request.job, _judged(request), request.who, request.reason),
        dangerous=True,
        shows=_attempt,
    ),
    "confirm_ended": ActionForm(
        "Confirm that the driver has ended",
        "The cluster lost the driver of {job}, so Weir does not start another one. Confirm only if you have checked that it has ended: "
        "the next driver starts then, and if the old one still runs, both write. The timeline records your name and your reason.",
        'weir confirm-ended {job} --reason "..."',
        lambda manager, order: manager.confirm_ended(order.job, _judged(order), order.who, order.reason),
        dangerous=True,
        shows=_unconfirmed,
        of=(Verdict.UNCONFIRMED,),
    ),
    "stop": ActionForm(
        "Stop",
        "The current batch lands, then the driver of {job} ends. The job stays stopped until the next deploy. Lines wait in the topic: "
        "they are counted after that, unless retention deletes them first. This may take a minute.",
        'weir stop {job} --reason "..."',
        lambda manager, request: manager.stop(request.job, request.who, request.reason),
        dangerous=True,
        shows=_head,
    ),
    "quarantine": ActionForm(
        "Quarantine the batch",
        "The batch of {job} that fails repeatedly is left out for good, and a new epoch continues after it. Its lines are not counted; "
        "the ledger keeps their offsets as a gap, with your name and your reason. This cannot be undone. If you can fix the "
        "cause, fix it and restart instead: then nothing is lost.",
        'weir quarantine {job} --reason "..."',
        _begin(Action.QUARANTINE),
        dangerous=True,
        shows=_epoch(Action.QUARANTINE),
        of=(Verdict.POISONED,),
        needs=Capability.LANDS,
    ),
    "rebuild": ActionForm(
        "Rebuild the checkpoint",
        "A new epoch of {job} begins with a new checkpoint, exactly where the last landed batch ends. From then on the present driver "
        "can no longer write. The old checkpoint is kept, but not used again.",
        'weir checkpoint {job} --rebuild --reason "..."',
        _begin(Action.REBUILD),
        dangerous=True,
        shows=_epoch(Action.REBUILD),
        of=(Verdict.DIVERGED, Verdict.CRASH_LOOPING),
        needs=Capability.LANDS,
    ),
    "keep_state": ActionForm(
        "Continue from the kept state",
        "A new epoch of {job} continues from the state of the last landed batch, if Spark had committed it. From then on the present "
        "driver can no longer write.",
        'weir checkpoint {job} --rebuild --state kept --reason "..."',
        _begin(Action.REBUILD, KEPT),
        dangerous=True,
        shows=_epoch(Action.REBUILD, KEPT),
        of=(Verdict.STATE_LOST,),
        needs=Capability.KEEPS_STATE,
    ),
    "empty_state": ActionForm(
        "Begin with empty state",
        "A new epoch of {job} begins with empty state, exactly where the last landed batch ends. The state of all earlier records is given "
        "up for good: sums and counts restart at zero. The ledger records that as a gap, with your name and your reason. This cannot be "
        "undone.",
        'weir checkpoint {job} --rebuild --state empty --reason "..."',
        _begin(Action.REBUILD, EMPTY),
        dangerous=True,
        shows=_epoch(Action.REBUILD, EMPTY),
        of=(Verdict.STATE_LOST,),
        needs=Capability.KEEPS_STATE,
    ),
    "accept_loss": ActionForm(
        "Accept the loss",
        "A new epoch of {job} begins at the first offsets that the broker still has. What the broker no longer has is left out for good: "
        "the ledger keeps it as a gap, with your name and your reason. This cannot be undone.",
        'weir restart {job} --accept-loss --reason "..."',
        _begin(Action.ACCEPT_LOSS),
        dangerous=True,
        shows=_epoch(Action.ACCEPT_LOSS),
        of=(Verdict.DATA_LOSS,),
        needs=Capability.LANDS,
    ),
    "hold": ActionForm(
        "Hold",
        "Weir takes no automatic action on {job} until the hold is released. Actions of operators still run.",
        'weir hold {job} --reason "..."',
        lambda manager, request: manager.hold(request.job, request.who, request.reason),
        unless=HOLD,
    ),
    "release": ActionForm(
        "Release",
        "The hold of {job} ends: automatic actions resume.",
        "weir hold {job} --release",
        lambda manager, request: manager.release(request.job, request.who, request.reason),
        reason=False,
        when=HOLD,
    ),
    "maintenance": ActionForm(
        "Maintenance",
        "Weir takes no automatic action on {job} for a limited time. Actions of operators still run.",
        'weir maintenance {job} --for 2h --comment "..."',
        lambda manager, request: manager.maintenance(request.job, parse_duration(request.lasts, "for"), request.who, request.reason),
        lasts=True,
        unless=MAINTENANCE,
    ),
    "end_maintenance": ActionForm(
        "End maintenance",
        "The maintenance window of {job} ends now: automatic actions resume.",
        "weir maintenance {job} --end",
        lambda manager, request: manager.end_maintenance(request.job, request.who, request.reason),
        reason=False,
        when=MAINTENANCE,
    ),
}


def look(manager: Manager, action: ActionForm, job: str) -> Shown:
    """Return what the form of an action shows. Raises UnknownJob, BadInput if the job's kind does not have it, and what planning raises."""
    manager.known(job)
    require_for(manager, action, job)
    return action.shows(manager, job)


def perform(manager: Manager, action: ActionForm, request: ActionRequest) -> ActionResult:
    """Run the action. Raises BadInput if the job's kind does not have it, and what the action raises."""
    require_for(manager, action, request.job)
    return action.do(manager, request)


def require_for(manager: Manager, action: ActionForm, job: str) -> None:
    """Raises BadInput if the job's kind does not have the action."""
    if action.needs:
        require(manager.specs, job, action.needs)


def kind_of(manager: Manager, job: str) -> Kind | None:
    """Return the kind of a job; None if its spec is gone."""
    spec = manager.specs.get(job)
    return spec.kind if spec else None
