"""Waits for a job to be ready. Holds no state: the deadline is fixed when it is made, the rest is asked of the manager each time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TaskSuccessEvent, TriggerEvent

from weir.errors import Conflict, WeirError
from weir.triggers.session import ask

if TYPE_CHECKING:
    from weir.supervise.manager import Manager


@dataclass(frozen=True)
class Answer:
    """Ready, still waiting, or neither: then it never will be. `attempt` is the one to ask about next, None for the current one."""

    sentence: str
    attempt: int | None
    ready: bool = False
    waiting: bool = False


class ReadyTrigger(BaseTrigger):
    """Fires when the job is ready, or will never be, or at `deadline` (seconds since 1970)."""

    def __init__(self, job: str, deadline: float, every_s: float = 1.0) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.job, self.deadline, self.every_s = job, deadline, every_s

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return "weir.triggers.ready.ReadyTrigger", {"job": self.job, "deadline": self.deadline, "every_s": self.every_s}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        answer = Answer(f"{self.job}: waiting", attempt=None, waiting=True)
        while answer.waiting and time.time() < self.deadline:
            answer = await self._look(answer.attempt)
            if answer.waiting:
                await asyncio.sleep(self.every_s)
        if answer.ready:
            # Ends the task right here; to resume on a worker takes half a second more.
            yield TaskSuccessEvent(xcoms={"return_value": asdict(answer)})
        else:
            yield TriggerEvent(asdict(await self._too_late(answer) if answer.waiting else answer))

    async def _look(self, attempt: int | None) -> Answer:
        """A look that fails says nothing about the job: it goes on waiting."""
        try:
            return await ask(lambda manager: look(manager, self.job, attempt))
        except Exception as error:  # noqa: BLE001
            self.log.warning("could not look at %s: %r", self.job, error)
            return Answer(f"{self.job} could not be looked at: {error!r}", attempt, waiting=True)

    async def _too_late(self, last: Answer) -> Answer:
        """The end of the wait, with the verdict of now for a reason."""
        try:
            why = await ask(lambda manager: manager.health(self.job).sentence)
        except Exception as error:  # noqa: BLE001
            why = f"{last.sentence} ({error!r})"
        return Answer(f"{self.job} was not ready in time. {why}", last.attempt)


def look(manager: Manager, job: str, attempt: int | None) -> Answer:
    """Is the attempt ready? One that has been replaced hands over to its successor. Raises UnknownJob."""
    asked = manager.health(job).attempt if attempt is None else attempt
    try:
        if manager.ready(job, asked):
            return Answer(f"{job} is ready with attempt {asked}", asked, ready=True)
    except Conflict as replaced:
        return Answer(str(replaced), None, waiting=True)
    except WeirError as never:
        return Answer(str(never), asked)
    return Answer(f"attempt {asked} of {job} is not ready yet", asked, waiting=True)
