"""The trigger that waits for a job to be ready. It has no state: the deadline is fixed at its creation, and it asks the manager each
time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TaskSuccessEvent, TriggerEvent

from weir.airflow.triggers.session import ask
from weir.errors import Conflict, DriverEnded, NotRunning
from weir.supervise.judge.rollback import Fate

if TYPE_CHECKING:
    from weir.supervise.manager import Manager


@dataclass(frozen=True)
class Answer:
    """The answer of a check: ready, still waiting, or neither (it never will be ready).

    Ready is also what runs without input and cannot show that it works; then the sentence says so. `attempt` is the one to check next, None
    for the current one; `late` means that the deadline has passed.
    """

    sentence: str
    attempt: int | None
    ready: bool = False
    waiting: bool = False
    late: bool = False


class ReadyTrigger(BaseTrigger):
    """Fires when the job is ready, or never will be, or at `deadline` (s since 1970). With `roll_back` it keeps waiting after a driver's
    end until that end decides whether to roll the version back."""

    def __init__(self, job: str, deadline: float, every_s: float = 1.0, roll_back: bool = False) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.job, self.deadline, self.every_s, self.roll_back = job, deadline, every_s, roll_back

    def serialize(self) -> tuple[str, dict[str, Any]]:
        values = {"job": self.job, "deadline": self.deadline, "every_s": self.every_s, "roll_back": self.roll_back}
        return "weir.airflow.triggers.ready.ReadyTrigger", values

    async def run(self) -> AsyncIterator[TriggerEvent]:
        answer = Answer(f"{self.job}: waiting", attempt=None, waiting=True)
        while answer.waiting and time.time() < self.deadline:
            answer = await self._look(answer.attempt)
            if answer.waiting:
                await asyncio.sleep(self.every_s)
        if answer.ready:
            # Ends the task here; resuming it on a worker would take half a second more.
            yield TaskSuccessEvent(xcoms={"return_value": asdict(answer)})
        else:
            yield TriggerEvent(asdict(await self._too_late(answer) if answer.waiting else answer))

    async def _look(self, attempt: int | None) -> Answer:
        """Check once. A check that fails says nothing about the job, so the wait continues."""
        try:
            return await ask(lambda manager: look(manager, self.job, attempt, self.roll_back))
        except Exception as error:  # noqa: BLE001
            self.log.warning("could not check %s: %r", self.job, error)
            return Answer(f"{self.job} could not be checked: {error!r}", attempt, waiting=True)

    async def _too_late(self, last: Answer) -> Answer:
        """End the wait, with the present verdict as the reason."""
        try:
            why = await ask(lambda manager: manager.health(self.job).sentence)
        except Exception as error:  # noqa: BLE001
            why = f"{last.sentence} ({error!r})"
        return Answer(f"{self.job} was not ready in time. {why}", last.attempt, late=True)


def look(manager: Manager, job: str, attempt: int | None, roll_back: bool = False) -> Answer:
    """Check whether the attempt is ready; if it was replaced, continue with its successor. Raises UnknownJob."""
    asked = manager.health(job).attempt if attempt is None else attempt
    try:
        found = manager.ready(job, asked)
        if found.sentence:
            back = manager.taken_back(job) if roll_back else ""
            return Answer(back or found.sentence.rstrip("."), asked, ready=not back)
    except Conflict as replaced:
        return Answer(str(replaced), None, waiting=True)
    except DriverEnded as never:
        return Answer(str(never), asked, waiting=roll_back and manager.ruling(job, late=False).fate is Fate.WAIT)
    except NotRunning as unseen:
        return Answer(str(unseen), asked, waiting=True)
    return Answer(f"attempt {asked} of {job} is not ready yet", asked, waiting=True)
