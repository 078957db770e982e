"""How far a job's counts are proven, as arithmetic: no I/O, no clock.

A recount has a goal: from what is proven already to the newest landed batch. It is cut into parts, and the goal is reached only if every
part came out equal. Two recounts at the same time have their own base and goal, so both records are true; the one that reaches further
stays, since it is written with the timestamp of its batch.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from spark_jobs.protocol.head import Position
from weir.ports.timeline import Event
from weir.times import iso

START: Position = (-1, -1)  # before every batch


@dataclass(frozen=True)
class Proven:
    """Every batch up to `position` was recounted and came out equal. The newest of them landed at `landed_at`; `event_time` is the
    watermark after it; `at` is when the recount found this (all in ms). Of the `lines` that landed in them, `checked` could be checked; for
    the rest, the broker no longer had all lines of their hour.
    """

    position: Position = START
    write_ts: int = 0
    landed_at: int = 0
    event_time: int | None = None
    at: int = 0
    lines: int = 0
    checked: int = 0

    @property
    def share(self) -> float:
        """Return the share of lines that could be checked, rounded down to a thousandth of a percent: 1.0 means all."""
        return 1.0 if self.checked >= self.lines else int(100_000 * self.checked / self.lines) / 100_000

    def sentence(self, job: str) -> str:
        if self.position == START:
            return f"{job}: nothing is proven yet."
        return f"{job}: everything that landed up to {iso(self.landed_at)} is proven, {self.checked} of {self.lines} lines were checked."

    def as_evidence(self) -> dict[str, Any]:
        """Return the evidence for reports: what landed up to `up_to` is proven, by a recount that ended `at`."""
        if self.position == START:
            return {"up_to": None}
        shown = {"up_to": iso(self.landed_at), "event_time": None if self.event_time is None else iso(self.event_time)}
        return {**shown, "share": self.share, "lines": self.lines, "at": iso(self.at)}

    def dump(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def load(cls, text: str | None) -> Proven:
        """Parse what `dump` wrote; without a record, nothing is proven."""
        if text is None:
            return cls()
        values = json.loads(text)
        return cls(**{**values, "position": (values["position"][0], values["position"][1])})


UNPROVEN = Proven()


@dataclass(frozen=True)
class Goal:
    """The goal of a recount: `to`, with the lines of the base, in so many parts."""

    base: Proven
    to: Proven
    parts: int = 1

    def as_dict(self) -> dict[str, Any]:
        return {"base": self.base.dump(), "to": self.to.dump(), "parts": self.parts}

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Goal:
        return cls(Proven.load(values["base"]), Proven.load(values["to"]), values["parts"])


@dataclass(frozen=True)
class Part:
    """The result of one part of a goal: whether it came out equal, the newest batch it covers, and how many new lines are in hours of which
    the source still has every line."""

    exact: bool
    position: Position = START
    checked: int = 0

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Part:
        return cls(values["exact"], (values["position"][0], values["position"][1]), values["checked"])


def behind_restarts(job: str, goal: Goal, found: Proven) -> Event | None:
    """Return a timeline entry about the counts around the restarts within a goal; None if there were no restarts."""
    first, last = max(goal.base.position[0], 1), found.position[0]
    if last <= first:
        return None
    lines, checked = found.lines - goal.base.lines, found.checked - goal.base.checked
    text = f"{job}: {checked} of the {lines} lines that landed by attempts {first} to {last} were recounted: 0 missing, 0 doubled."
    return Event(found.at, "recount", text, {"first": first, "lines": lines, "checked": checked, "missing": 0, "doubled": 0}, last)


def reached(goal: Goal, parts: Sequence[Part], lines: int, rejected: int, now: int) -> Proven | None:
    """Return what is proven after all parts, None if it is no more than before. `lines` landed in the goal's new batches; `rejected` of
    them were rejected, in batches of which the broker still has every line."""
    done = len(parts) == goal.parts and all(part.exact and part.position >= goal.to.position for part in parts)
    if not done or goal.to.position <= goal.base.position:
        return None
    checked = min(lines, rejected + sum(part.checked for part in parts))
    return replace(goal.to, at=now, lines=goal.base.lines + lines, checked=goal.base.checked + checked)
