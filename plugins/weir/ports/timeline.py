"""The port of timelines: what happened to a job, and its pauses."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class Event:
    """A line of a job's timeline. `who` is a person, or weir; `attempt` is the one that it is about, 0 for none."""

    at: int  # ms
    kind: str
    text: str
    detail: Mapping[str, object] = field(default_factory=dict)
    attempt: int = 0
    who: str = "weir"
    reason: str = ""

    @property
    def id(self) -> str:
        """Made from what happened: the same line, written again, is the same row."""
        told = json.dumps([self.kind, self.attempt, self.who, self.reason, self.text])
        return hashlib.sha256(told.encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Pause:
    """An operator's order that Weir leaves a job alone: a hold or maintenance. `until` (ms) is when it ends, 0 for not of itself."""

    kind: str
    who: str
    reason: str
    since: int  # ms
    until: int = 0


class TimelineStore(Protocol):
    """The timeline and the pauses of each job."""

    def add_event(self, job: str, event: Event) -> None:
        """Add a line to the timeline. The same line, added again, is there once."""

    def events(self, job: str, limit: int = 50, after: tuple[int, str] | None = None) -> Sequence[Event]:
        """The newest lines of the timeline, newest first; with `after`, those that follow on the line of that time (ms) and id."""

    def put_pause(self, job: str, pause: Pause) -> None:
        """Keep a pause in place of the last one of its kind."""

    def pauses(self, job: str) -> Sequence[Pause]:
        """The last pause of each kind, ended or not."""
