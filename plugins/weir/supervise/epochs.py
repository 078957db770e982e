"""Show where a new epoch would begin and what it would leave out, and begin it only if that is still so."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from weir.errors import BadInput
from weir.supervise.judge.epoch_start import in_words
from weir.supervise.judge.restart import Action

if TYPE_CHECKING:
    from weir.supervise.manager import ActionResult, Manager

LOOKING = "not given yet"  # not recorded: an action that leaves lines out needs a reason even to be previewed


@dataclass(frozen=True)
class Held:
    """What was shown to the operator."""

    attempt: int  # the one to replace
    batch: int = -1  # the one to quarantine; -1: none
    mark: str = ""  # identifies where the epoch begins and what it leaves out; empty: any

    def __str__(self) -> str:
        return f"{self.attempt} {self.batch} {self.mark}".strip()

    @classmethod
    def of(cls, text: str) -> Held:
        """Parse the text form; batch and mark may be missing. Raises BadInput."""
        found = re.fullmatch(r"(\d+)(?: (-?\d+))?(?: (m\w+))?", text)
        if found is None:
            raise BadInput(f"attempt: {text!r} is not an attempt.", "Give the attempt to replace.")
        return cls(int(found[1]), int(found[2] or -1), found[3] or "")

    @property
    def options(self) -> str:
        return f"--batch {self.batch}" if self.batch >= 0 else ""

    @property
    def body(self) -> Mapping[str, object]:
        batch = {"batch": self.batch} if self.batch >= 0 else {}
        return {"attempt": self.attempt, **batch, "mark": self.mark}


def foreseen(manager: Manager, job: str, act: Action, state: str = "") -> tuple[Sequence[str], Held]:
    """Return what the action would do, as sentences and as a `Held`. Raises Conflict if there is nothing to do."""
    batch = manager.poisoned(job) if act is Action.QUARANTINE else -1
    attempt, there = manager.foresee(job, act, LOOKING, batch, state)
    facts = [f"Batch {batch} of {job} is left out: it failed twice with the same error."] if batch >= 0 else []
    return [*facts, f"Attempt {attempt} is replaced.", *in_words(job, there)], Held(attempt, batch, there.mark)


def begin(manager: Manager, job: str, act: Action, held: Held, who: str, reason: str, state: str = "") -> ActionResult:
    """Begin the epoch; `state` says whether it keeps the job's state: `kept` or `empty`.

    Raises Conflict if another attempt has taken over, or if it would leave out other lines than were shown.
    """
    if act is Action.QUARANTINE:
        batch = held.batch if held.batch >= 0 else None
        return manager.quarantine(job, held.attempt, who, reason, batch, held.mark, state)
    return (manager.accept_loss if act is Action.ACCEPT_LOSS else manager.rebuild)(job, held.attempt, who, reason, held.mark, state)
