"""A cluster manager in memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from weir.errors import NotRunning
from weir.ports.cluster import DriverState, Submission
from weir.ports.room import Room, Worker, room_of


class MemoryCluster:
    """Drivers as states.

    A test sets `states[id]`, `printed[id]`, `has` for what there is to run on, `waiting[id]` for why one has not been started, `refuses`
    to the reason why it refuses what Weir asks, or `answers` to False for a master that does not answer.
    """

    def __init__(self) -> None:
        self.states: dict[str, DriverState] = {}
        self.submissions: dict[str, Submission] = {}
        self.killed: list[str] = []
        self.printed: dict[str, str] = {}
        self.has: Room | None = room_of([Worker("worker-1", cores=8, memory=16_384)])
        self.waiting: dict[str, str] = {}
        self.answers = True
        self.refuses = ""

    def submit(self, submission: Submission) -> str:
        if not self.answers:
            raise NotRunning("The cluster does not answer.")
        submission_id = f"driver-{len(self.submissions) + 1}"
        self.submissions[submission_id] = submission
        self.states[submission_id] = DriverState.RUNNING
        return submission_id

    def state(self, submission_id: str) -> DriverState:
        return self.states.get(submission_id, DriverState.LOST) if self.answers else DriverState.UNKNOWN

    def states_of(self, submission_ids: Collection[str]) -> Mapping[str, DriverState]:
        return {one: self.state(one) for one in submission_ids}

    def kill(self, submission_id: str) -> None:
        self.killed.append(submission_id)
        if not self.states[submission_id].ended:
            self.states[submission_id] = DriverState.KILLED

    def ending(self, submission_id: str) -> str:
        return self.printed.get(submission_id, "") if self.answers else ""

    def log_link(self, submission_id: str) -> str:
        return f"memory://{submission_id}" if submission_id in self.states else ""

    def refusal(self) -> str:
        return self.refuses

    def room(self) -> Room | None:
        return self.has if self.answers else None

    def waits_for(self, asked: Collection[str], jobs: Mapping[str, str]) -> Mapping[str, str]:
        return {one: why for one, why in self.waiting.items() if one in asked} if self.answers else {}

    @property
    def alive(self) -> list[str]:
        """The submissions that have not ended."""
        return [i for i, state in self.states.items() if not state.ended]
