"""The port of alerts: what they keep of decisions, evaluations and messages."""

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
    """A row of the evaluation ledger: the windows of a rule from `start` to `end` (ms, of one day), what they came to as JSON, and the
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
    """What alerts keep: decisions with their messages, what windows came to, and what the inbox got."""

    def book(self, job: str) -> Booked | None:
        """The book of a job's alerts (serial consistency)."""

    def set_book(self, job: str, expected: Booked | None, new: Booked) -> bool:
        """Change the book if `expected` is what it was. Revisions only grow."""

    def put_evaluations(self, job: str, rows: Sequence[Noted]) -> None:
        """Write rows of the evaluation ledger. Of two about the same windows the one of the later revision stays, whichever comes last."""

    def evaluations(self, job: str, rule: str, since: int, until: int) -> Sequence[Noted]:
        """The rows about windows that begin in [since, until), in order."""

    def put_mail(self, job: str, mail: Mail) -> None:
        """Put a message into the inbox. The same one, put again, is there once."""

    def mails(self, job: str, limit: int = 50) -> Sequence[Mail]:
        """The newest messages of the inbox, newest first."""

    def books(self, jobs: Collection[str]) -> Mapping[str, Booked]:
        """The books of many jobs, for who only looks: without those that have none, and what is being decided just now may be missing."""

    def inboxes(self, jobs: Collection[str], limit: int) -> Mapping[str, Sequence[Mail]]:
        """The newest messages of each of many jobs, newest first."""
