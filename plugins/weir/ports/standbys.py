"""The port of standbys: drivers in waiting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class StandbyRow:
    """A driver in waiting. Times are in ms, 0 for "not yet"; `attempt` is the one that it was called up for, 0 for none."""

    id: str
    version: str
    submitted_at: int
    submission_id: str = ""
    ready_at: int = 0
    incarnation: str = ""
    attempt: int = 0
    arguments: str = ""
    retired_at: int = 0

    @property
    def waits(self) -> bool:
        """Does it wait, or is on its way to? Who was called up is a driver like any other, whatever else was said."""
        return not self.attempt and not self.retired_at


class StandbyStore(Protocol):
    """The standbys of each job."""

    def standbys(self, job: str) -> Sequence[StandbyRow]:
        """The newest standbys, newest first."""

    def put_standby(self, job: str, row: StandbyRow) -> None:
        """Note a standby that is about to be submitted, or has been: its version, its submission and when."""

    def call_up(self, job: str, standby_id: str, attempt: int, arguments: str) -> None:
        """Give a standby an attempt, with the arguments of its driver. It looks by itself."""

    def retire(self, job: str, standby_id: str, at: int) -> None:
        """Let a standby that waits end by itself."""
