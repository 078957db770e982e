"""The port of attempts: each start of a driver, from its cause to its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class AttemptRow:
    """One start of a driver. Times are in ms, 0 for "not yet"; `exit_reason` is empty for one that runs, or was killed for no
    known reason."""

    attempt: int
    cause: str = ""  # deploy, restart, rebuild
    who: str = ""
    reason: str = ""
    taken_at: int = 0
    version: str = ""
    submission_id: str = ""
    submitted_at: int = 0
    incarnation: str = ""
    exit_reason: str = ""
    exit_error: str = ""
    exit_batch: int = -1
    exited_at: int = 0
    epoch: int = 0
    first_batch: int = -1  # the first batch that it set out to claim
    proof: str = ""  # `proven`: without input, it has proven that it can read and write; else what it lacks. Empty: of an earlier release

    @property
    def used(self) -> bool:
        """Did a driver ever have this number? A row that was only noted belongs to nobody: two supervisors may note the same one."""
        return bool(self.submission_id or self.incarnation or self.exit_reason) or self.first_batch >= 0


class AttemptStore(Protocol):
    """The attempts of each job."""

    def attempts(self, job: str, limit: int = 50) -> Sequence[AttemptRow]:
        """The newest attempts, newest first."""

    def put_attempt(self, job: str, row: AttemptRow) -> None:
        """Note why an attempt is about to be taken, before it is."""

    def put_submitted(self, job: str, attempt: int, submission_id: str, at: int) -> None:
        """Note the driver that was started for an attempt."""

    def put_exit(self, job: str, attempt: int, incarnation: str, reason: str, error: str, batch_id: int) -> None:
        """Note how an attempt ended: its driver's last words, or why it never had one (then without an incarnation)."""
