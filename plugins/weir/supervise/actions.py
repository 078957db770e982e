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
from weir.supervise.pause import HOLD, MAINTENANCE
from weir.supervise.plan import Kind as PlanKind
from weir.supervise.plan import Plan
from weir.supervise.report import Verdict
from weir.supervise.restart import Act as Epoch
from weir.times import parse_duration

if TYPE_CHECKING:
    from weir.supervise.manager import Action, Manager

GIVE_S = 180.0  # far above what the longest act takes: a driver that is stopped is given a minute


@dataclass(frozen=True)
class Order:
    """Who wants it, why, for how long where that is asked, and what they were shown."""

    job: str
    who: str
    reason: str = ""
    lasts: str = ""
    shown: str = ""


@dataclass(frozen=True)
class Shown:
    """What a form shows beside its words: lines about the job as it is now, and what of it the act is held to. `refused` has no form.

    `options` and `body` say the same for the command line and for REST.
    """

    lines: Sequence[str] = ()
    held_to: str = ""
    refused: bool = False
    options: str = ""
    body: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Act:
    """What an operator can do.

    `says` and `command` have `{job}` in them. A `dangerous` one needs the job's name typed. It is offered while a pause of kind `when` is
    active and none of kind `unless`, and for a verdict of `of`; empty for any. Only jobs have it whose kind has the capability `needs`.
    """

    title: str
    says: str
    command: str
    do: Callable[[Manager, Order], Action]
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


def check(act: Act, order: Order, typed: str) -> None:
    """Raises BadInput that names the field."""
    if act.dangerous and typed.strip() != order.job:
        raise BadInput(f"name: what was typed is not {order.job}. Nothing was done.", "Type the job's name.")
    if act.reason and not order.reason.strip():
        raise BadInput("reason: there is none. Nothing was done.", "Say why: it is kept in the job's timeline.")
    if act.lasts:
        parse_duration(order.lasts, "for")


def _attempt(manager: Manager, job: str) -> Shown:
    head = manager.store.head(job)
    at = head.attempt if head else 0
    return Shown([f"{job} is at attempt {at} now."], str(at), options=f"--attempt {at}", body={"attempt": at})


def _unconfirmed(manager: Manager, job: str) -> Shown:
    at = manager.confirmable(job)
    line = f"It is not known whether the driver of {job}, attempt {at}, has ended."
    return Shown([line], str(at), options=f"--attempt {at}", body={"attempt": at})


def _head(manager: Manager, job: str) -> Shown:
    """Of an act that whatever attempt is there by then is meant by."""
    return Shown(_attempt(manager, job).lines)


def _epoch(act: Epoch) -> Callable[[Manager, str], Shown]:
    def shows(manager: Manager, job: str) -> Shown:
        lines, held = epochs.foreseen(manager, job, act)
        return Shown(lines, str(held), options=held.options, body=held.body)

    return shows


def _begin(act: Epoch) -> Callable[[Manager, Order], Action]:
    return lambda manager, order: epochs.begin(manager, order.job, act, epochs.Held.of(order.shown), order.who, order.reason)


def _judged(order: Order) -> int:
    """The attempt that was shown. Raises BadInput."""
    if not order.shown.isascii() or not order.shown.isdecimal():
        raise BadInput(
            f"attempt: {order.shown!r} names none. Nothing was done.", "Give the attempt that is to be replaced, and nothing else."
        )
    return int(order.shown)


def _plan(manager: Manager, job: str) -> Shown:
    plan = manager.plan(job)
    lines = [*plan.lines(), *([f"It would be refused: {plan.refusals}"] if plan.refusals else [])]
    return Shown(lines, _gist(plan), refused=plan.kind in (PlanKind.REFUSED, PlanKind.NO_CHANGE), body={"plan": _gist(plan)})


def _gist(plan: Plan) -> str:
    return f"{plan.before} {plan.version} {plan.kind}"


def _deploy(manager: Manager, order: Order) -> Action:
    plan = manager.plan(order.job)
    if _gist(plan) != order.shown:
        raise Conflict(f"A deploy of {order.job} would no longer do what was shown. Nothing was done.", "Look at the plan again.")
    return manager.deploy(order.job, order.who, order.reason, plan)


ACTS = {
    "deploy": Act(
        "Deploy",
        "{job} is made to run with the spec and the code that are here. This is the plan:",
        'weir deploy {job} --reason "..."',
        _deploy,
        dangerous=True,
        shows=_plan,
    ),
    "restart": Act(
        "Restart",
        "The next attempt of {job} starts from the same checkpoint. The driver that runs now can write no more from that moment on. "
        "Nothing is lost and nothing is counted twice; counting pauses until the new driver has started.",
        'weir restart {job} --reason "..."',
        lambda manager, order: manager.restart(order.job, _judged(order), order.who, order.reason),
        dangerous=True,
        shows=_attempt,
    ),
    "confirm_ended": Act(
        "Confirm that the driver has ended",
        "The cluster lost the driver of {job}, so Weir starts no other one. Confirm only what you have made sure of: the next driver starts "
        "then, and if the old one still runs, both write. Your name and your reason are kept in the timeline.",
        'weir confirm-ended {job} --reason "..."',
        lambda manager, order: manager.confirm_ended(order.job, _judged(order), order.who, order.reason),
        dangerous=True,
        shows=_unconfirmed,
        of=(Verdict.UNCONFIRMED,),
    ),
    "stop": Act(
        "Stop",
        "The batch at work lands, then the driver of {job} ends, and it stays stopped until the next deploy. Lines wait in the topic: "
        "they are counted after that, unless retention reaches them first. This may take a minute.",
        'weir stop {job} --reason "..."',
        lambda manager, order: manager.stop(order.job, order.who, order.reason),
        dangerous=True,
        shows=_head,
    ),
    "quarantine": Act(
        "Quarantine the batch",
        "The batch of {job} that fails again and again is left out for ever, and a new epoch goes on behind it. Its lines are not counted; "
        "the ledger keeps their offsets as a gap, with your name and your reason. This cannot be taken back. Where the cause can be "
        "mended, mend it and restart instead: nothing is lost then.",
        'weir quarantine {job} --reason "..."',
        _begin(Epoch.QUARANTINE),
        dangerous=True,
        shows=_epoch(Epoch.QUARANTINE),
        of=(Verdict.POISONED,),
        needs=Capability.LANDS,
    ),
    "rebuild": Act(
        "Rebuild the checkpoint",
        "A new epoch of {job} begins with a new checkpoint, exactly where the last landed batch ends by then. The driver that runs now can "
        "write no more from that moment on. The old checkpoint stays, and is not used again.",
        'weir checkpoint {job} --rebuild --reason "..."',
        _begin(Epoch.REBUILD),
        dangerous=True,
        shows=_epoch(Epoch.REBUILD),
        of=(Verdict.DIVERGED, Verdict.CRASH_LOOPING),
        needs=Capability.LANDS,
    ),
    "accept_loss": Act(
        "Accept the loss",
        "A new epoch of {job} begins where the broker can still be read. What it no longer has is left out for ever: the ledger keeps it "
        "as a gap, with your name and your reason. This cannot be taken back.",
        'weir restart {job} --accept-loss --reason "..."',
        _begin(Epoch.ACCEPT_LOSS),
        dangerous=True,
        shows=_epoch(Epoch.ACCEPT_LOSS),
        of=(Verdict.DATA_LOSS,),
        needs=Capability.LANDS,
    ),
    "hold": Act(
        "Hold",
        "Weir does nothing about {job} by itself, until it is released. What a person asks for still happens.",
        'weir hold {job} --reason "..."',
        lambda manager, order: manager.hold(order.job, order.who, order.reason),
        unless=HOLD,
    ),
    "release": Act(
        "Release",
        "Weir acts on {job} again by itself.",
        "weir hold {job} --release",
        lambda manager, order: manager.release(order.job, order.who, order.reason),
        reason=False,
        when=HOLD,
    ),
    "maintenance": Act(
        "Maintenance",
        "Weir does nothing about {job} by itself for a time, then goes on. What a person asks for still happens.",
        'weir maintenance {job} --for 2h --comment "..."',
        lambda manager, order: manager.maintenance(order.job, parse_duration(order.lasts, "for"), order.who, order.reason),
        lasts=True,
        unless=MAINTENANCE,
    ),
    "end_maintenance": Act(
        "End maintenance",
        "The maintenance window of {job} ends now: Weir acts on it again by itself.",
        "weir maintenance {job} --end",
        lambda manager, order: manager.end_maintenance(order.job, order.who, order.reason),
        reason=False,
        when=MAINTENANCE,
    ),
}


def look(manager: Manager, act: Act, job: str) -> Shown:
    """What the form of an act shows. Raises UnknownJob, BadInput if the job's kind does not have it, and what planning raises."""
    manager.known(job)
    require_for(manager, act, job)
    return act.shows(manager, job)


def perform(manager: Manager, act: Act, order: Order) -> Action:
    """Do it. Raises BadInput if the job's kind does not have it, and what the act raises."""
    require_for(manager, act, order.job)
    return act.do(manager, order)


def require_for(manager: Manager, act: Act, job: str) -> None:
    """Raises BadInput if the job's kind does not have the act."""
    if act.needs:
        require(manager.specs, job, act.needs)


def kind_of(manager: Manager, job: str) -> Kind | None:
    """The kind of a job; None if its spec is gone."""
    spec = manager.specs.get(job)
    return spec.kind if spec else None
