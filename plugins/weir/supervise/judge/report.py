"""What is said of a job: a verdict in words, with its evidence; how it is kept, and when it is news."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum

FRESH_MS = 15_000  # a kept report is no older while its stream moves: written at every look it was one write a second for each job


class Verdict(StrEnum):
    STARTING = "starting"
    OK = "ok"
    IDLE = "idle"
    CATCHING_UP = "catching_up"
    SLOW = "slow"
    STALLED = "stalled"
    DOWN = "down"
    CRASH_LOOPING = "crash_looping"
    POISONED = "poisoned"
    DIVERGED = "diverged"
    DATA_LOSS = "data_loss"
    UNCONFIRMED = "unconfirmed"
    UNKNOWN = "unknown"
    STOPPED = "stopped"
    MAINTENANCE = "maintenance"


# Weir has nothing to do about these. Slow is trouble all the same: a person must give it more.
CALM = {Verdict.STARTING, Verdict.OK, Verdict.IDLE, Verdict.CATCHING_UP, Verdict.SLOW, Verdict.UNKNOWN, Verdict.STOPPED}
TROUBLE = frozenset({
    Verdict.SLOW, Verdict.DOWN, Verdict.STALLED, Verdict.CRASH_LOOPING, Verdict.POISONED, Verdict.DIVERGED, Verdict.DATA_LOSS,
    Verdict.UNCONFIRMED,
})  # fmt: skip
UNKNOWN_MS = 300_000  # a part that is killed is back within a minute or two; what is not known for longer, nobody watches over
SETTLED = {Verdict.OK, Verdict.IDLE}
ENDED = {Verdict.CRASH_LOOPING: Verdict.DOWN}  # crash looping is down with nothing left to try


@dataclass(frozen=True)
class Report:
    """A verdict in words, made at `at`, since when, with its evidence. `lag_since` is when input first waited without anything landing
    after, `lag_seen` when it was last seen to wait, and `behind_since` when more began to wait than a stream that is well leaves; since
    then it was no fewer than `closest` lines behind, first at `closest_at`. `settled` is the newest attempt that had nothing left to catch
    up with. `silent_since` is since when the cluster, which could tell of the driver before, does not. `covers` is the verdict that a
    maintenance window covers. `act` is what is to be done about the driver, and `standby_act` about standbys."""

    job: str
    verdict: Verdict
    attempt: int
    since: int
    sentence: str
    next_step: str = ""
    evidence: Mapping[str, object] = field(default_factory=dict)
    lag_since: int = 0
    frontier: Mapping[str, int] = field(default_factory=dict)
    act: str = "none"
    plan: str = ""
    not_before: int = 0
    lag_seen: int = 0
    at: int = 0
    settled: int = 0
    standby_act: str = "none"
    behind_since: int = 0
    covers: str = ""
    closest: int = 0
    closest_at: int = 0
    silent_since: int = 0

    @property
    def found(self) -> Verdict:
        """The verdict with no regard to a maintenance window: what a person may have done depends on it."""
        return Verdict(self.covers or self.verdict)

    def as_dict(self) -> dict[str, object]:
        return {**asdict(self), "verdict": str(self.verdict)}

    def to_json(self) -> str:
        return json.dumps(self.as_dict(), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Report:
        values = json.loads(text)
        values["verdict"] = Verdict(values["verdict"])
        return cls(**values)


def report_of(text: str | None) -> Report | None:
    """A kept report; None if there is none, or another version of Weir wrote it in a form of its own."""
    try:
        return Report.from_json(text) if text else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def is_news(report: Report, kept: Report | None) -> bool:
    """Is a report worth keeping in place of the one that was kept?

    A new verdict is at once, and so is how far unread lines reach: of a topic that is deleted, nobody else will tell what was lost. All
    else is when the kept report is no longer fresh. An older `frontier` is safe to judge by: it can only make a stream look as if
    something had just landed, never as if nothing had. An older `lag_seen` is no outage, for it is far younger than UNSEEN_MS.
    """
    if kept is None or _gist(report) != _gist(kept):
        return True
    if report.evidence.get("lag") and report.evidence.get("end_offsets") != kept.evidence.get("end_offsets"):
        return True
    return report.at - kept.at >= FRESH_MS and replace(report, at=kept.at) != kept


def _gist(report: Report) -> tuple[object, ...]:
    told = report.act, report.plan, report.not_before, report.evidence.get("paused")
    return report.verdict, report.covers, report.attempt, report.since, *told
