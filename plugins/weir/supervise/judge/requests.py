"""The request to start an attempt, and the result of an action."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from weir.supervise.judge.restart import Action

AUTOMATIC = "weir"  # who acts if no operator does: only these restarts use up the budget
ANEW = frozenset({Action.REBUILD, Action.ACCEPT_LOSS, Action.QUARANTINE})  # the causes that begin a new epoch


@dataclass(frozen=True)
class ActionResult:
    """What was done."""

    changed: bool  # False: there was nothing to do
    attempt: int  # the one that was started, or that runs
    sentence: str  # for operators


@dataclass(frozen=True)
class StartRequest:
    """Replace the attempt that was judged by the next one."""

    job: str
    judged: int
    cause: str  # an action, deploy or rollback
    who: str = AUTOMATIC
    reason: str = ""
    batch: int = -1  # the one to leave out, of a quarantine
    version: str = ""  # empty: the one that is wanted
    shown: str = ""  # the mark of the epoch's start that an operator agreed to; empty: any
    changes: Sequence[str] = ()  # what a deploy changes in the spec
    state: str = ""  # what a new epoch does with the job's state: `kept` or `empty`; "": not decided

    @property
    def begins_epoch(self) -> bool:
        return self.cause in ANEW
