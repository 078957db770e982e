"""What a person may have done about a job, from its page or by REST: in words, as the command that does the same, and how it is done.

What was shown is kept with the form, and what has changed since is not acted on.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from weir.errors import BadInput, Conflict
from weir.jobs.kinds import Capability, Kind
from weir.jobs.specs import require
from weir.supervise import epochs
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
    """An action that a person asks for."""

    job: str
    who: str
    reason: str = ""
    lasts: str = ""  # a duration, where the action needs one
    shown: str = ""  # what the form was held to


@dataclass(frozen=True)
class Shown:
    """What a form shows beside its words: lines about the job as it is now, and what of it the action is held to. `refused` has no form.

    `options` and `body` say the same for the command line and for REST.
    """

    lines: Sequence[str] = ()
    held_to: str = ""
    refused: bool = False
    options: str = ""
    body: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class ActionForm:
    """What an operator can do.

    `says` and `command` have `{job}` in them. A `dangerous` one needs the job's name typed. It is offered while a pause of kind `when` is
    active and none of kind `unless`, and for a verdict of `of`; empty for any. Only jobs have it whose kind has the capability `needs`.
    """

    title: str
    says: str
    command: str
    do: Callable[[Manager, ActionRequest], ActionResult]
    dangerous: bool = False
    reason: bool = True
    lasts: bool = False
    shows: Callable[[Manager, str], Shown] = lambda manager, job: Shown()
    when: str = ""
    unless: str = ""
    of: Collection[Verdict] = ()
    needs: Capability | None = None

    def fits(self, kind: Kind | None) -> bool:
        """Does a job of the kind have this action? None for one that is not known: it has all."""
        return self.needs is None or kind is None or kind.can(self.needs)

    def offered(self, said: Collection[str], verdict: str) -> bool:
        in_order = (not self.when or self.when in said) and (not self.unless or self.unless not in said)
        return in_order and (not self.of or verdict in self.of)


def check(action: ActionForm, request: ActionRequest, typed: str) -> None:
    """Raises BadInput that names the field."""
    if action.dangerous and typed.strip() != request.job:
        raise BadInput(f"name: what was typed is not {request.job}. Nothing was done.", "Type the job's name.")
    if action.reason and not request.reason.strip():
        raise BadInput("reason: it is missing. Nothing was done.", "Give a reason: the timeline records it.")
    if action.lasts:
        parse_duration(request.lasts, "for")


def _attempt(manager: Manager, job: str) -> Shown:
    head = manager.store.head(job)
    at = head.attempt if head else 0
    return Shown([f"{job} is at attempt {at} now."], str(at), options=f"--attempt {at}", body={"attempt": at})


def _unconfirmed(manager: Manager, job: str) -> Shown:
    at = manager.confirmable(job)
    line = f"It is not known whether the driver of {job}, attempt {at}, has ended."
    return Shown([line], str(at), options=f"--attempt {at}", body={"attempt": at})


def _head(manager: Manager, job: str) -> Shown:
    """For actions that apply to whichever attempt is current."""
    return Shown(_attempt(manager, job).lines)


def _epoch(action: Action) -> Callable[[Manager, str], Shown]:
    def shows(manager: Manager, job: str) -> Shown:
        lines, held = epochs.foreseen(manager, job, action)
        return Shown(lines, str(held), options=held.options, body=held.body)

    return shows


def _begin(action: Action) -> Callable[[Manager, ActionRequest], ActionResult]:
    return lambda manager, request: epochs.begin(manager, request.job, action, epochs.Held.of(request.shown), request.who, request.reason)


def _judged(request: ActionRequest) -> int:
    """The attempt that was shown. Raises BadInput."""
    if not request.shown.isascii() or not request.shown.isdecimal():
        raise BadInput(f"attempt: {request.shown!r} is not an attempt. Nothing was done.", "Give only the attempt to replace.")
    return int(request.shown)


def _plan(manager: Manager, job: str) -> Shown:
    plan = manager.plan(job)
    lines = [*plan.lines(), *([f"It would be refused: {plan.refusals}"] if plan.refusals else [])]
    return Shown(lines, _gist(plan), refused=plan.kind in (PlanKind.REFUSED, PlanKind.NO_CHANGE), body={"plan": _gist(plan)})


def _gist(plan: Plan) -> str:
    return f"{plan.before} {plan.version} {plan.kind}"


def _deploy(manager: Manager, request: ActionRequest) -> ActionResult:
    plan = manager.plan(request.job)
    if _gist(plan) != request.shown:
        raise Conflict(f"A deploy of {request.job} would no longer do what was shown. Nothing was done.", "Look at the plan again.")
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
        "The next attempt of {job} starts from the same checkpoint. The present driver can no longer write from then on. "
        "Nothing is lost and nothing is counted twice; counting pauses until the new driver has started.",
        'weir restart {job} --reason "..."',
        lambda manager, request: manager.restart(request.job, _judged(request), request.who, request.reason),
        dangerous=True,
        shows=_attempt,
    ),
    "confirm_ended": ActionForm(
        "Confirm that the driver has ended",
        "The cluster lost the driver of {job}, so Weir starts no other one. Confirm only what you have made sure of: the next driver "
        "starts then, and if the old one still runs, both write. Your name and your reason are kept in the timeline.",
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
        "The batch of {job} that fails repeatedly is left out for good, and a new epoch continues behind it. Its lines are not counted; "
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
        "A new epoch of {job} begins with a new checkpoint, exactly where the last landed batch ends by then. The present driver can "
        "no longer write from then on. The old checkpoint is kept, but not used again.",
        'weir checkpoint {job} --rebuild --reason "..."',
        _begin(Action.REBUILD),
        dangerous=True,
        shows=_epoch(Action.REBUILD),
        of=(Verdict.DIVERGED, Verdict.CRASH_LOOPING),
        needs=Capability.LANDS,
    ),
    "accept_loss": ActionForm(
        "Accept the loss",
        "A new epoch of {job} begins where the broker can still be read. What it no longer has is left out for good: the ledger keeps it "
        "as a gap, with your name and your reason. This cannot be undone.",
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
    """What the form of an action shows. Raises UnknownJob, BadInput if the job's kind does not have it, and what planning raises."""
    manager.known(job)
    require_for(manager, action, job)
    return action.shows(manager, job)


def perform(manager: Manager, action: ActionForm, request: ActionRequest) -> ActionResult:
    """Do it. Raises BadInput if the job's kind does not have it, and what the action raises."""
    require_for(manager, action, request.job)
    return action.do(manager, request)


def require_for(manager: Manager, action: ActionForm, job: str) -> None:
    """Raises BadInput if the job's kind does not have the action."""
    if action.needs:
        require(manager.specs, job, action.needs)


def kind_of(manager: Manager, job: str) -> Kind | None:
    """The kind of a job; None if its spec is gone."""
    spec = manager.specs.get(job)
    return spec.kind if spec else None
