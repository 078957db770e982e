"""The port of alerts: stored decisions, evaluations and messages."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Booked:
    """The book of a job's alerts, as JSON; changed only by compare-and-set on `revision`."""

    revision: int
    record: str


@dataclass(frozen=True)
class Noted:
    """A row of the evaluation ledger: the windows of a rule from `start` to `end` (ms, within one day), their result as JSON, and the
    revision of the book that decided it."""

    rule: str
    start: int
    end: int
    revision: int
    record: str


@dataclass(frozen=True)
class Mail:
    """A message in the local inbox, as JSON."""

    at: int  # ms
    id: str
    record: str


class AlertStore(Protocol):
    """The store of alerts: decisions with their messages, results of windows, and the inbox."""

    def book(self, job: str) -> Booked | None:
        """Return the book of a job's alerts (serial consistency)."""

    def set_book(self, job: str, expected: Booked | None, new: Booked) -> bool:
        """Replace the book if it is still `expected`. Revisions only grow."""

    def put_evaluations(self, job: str, rows: Sequence[Noted]) -> None:
        """Write rows of the evaluation ledger. Of two about the same windows the one with the higher revision stays, in whichever order
        they come."""

    def evaluations(self, job: str, rule: str, since: int, until: int) -> Sequence[Noted]:
        """Return the rows about windows that begin in [since, until), in order."""

    def put_mail(self, job: str, mail: Mail) -> None:
        """Put a message into the inbox. Putting it twice stores it once."""

    def mails(self, job: str, limit: int = 50) -> Sequence[Mail]:
        """Return the newest messages in the inbox, newest first."""

    def books(self, jobs: Collection[str]) -> Mapping[str, Booked]:
        """Return the books of many jobs, for reading only: jobs without one are left out, and a decision of this moment may be missing."""

    def inboxes(self, jobs: Collection[str], limit: int) -> Mapping[str, Sequence[Mail]]:
        """Return the newest messages of each of many jobs, newest first."""
