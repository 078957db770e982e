"""A report on a job: its verdict with evidence; how it is stored, and when a new one is stored."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum

from weir.supervise.judge.concern import concerns_of

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
    STATE_LOST = "state_lost"
    NOT_DETERMINISTIC = "not_deterministic"
    SINK_DIFFERS = "sink_differs"
    FILES_CHANGED = "files_changed"
    UNCONFIRMED = "unconfirmed"
    UNKNOWN = "unknown"
    STOPPED = "stopped"
    MAINTENANCE = "maintenance"


# Weir takes no action on these. Slow is trouble all the same: an operator must give the job more resources.
CALM = {Verdict.STARTING, Verdict.OK, Verdict.IDLE, Verdict.CATCHING_UP, Verdict.SLOW, Verdict.UNKNOWN, Verdict.STOPPED}
TROUBLE = frozenset({
    Verdict.SLOW, Verdict.DOWN, Verdict.STALLED, Verdict.CRASH_LOOPING, Verdict.POISONED, Verdict.DIVERGED, Verdict.DATA_LOSS,
    Verdict.UNCONFIRMED, Verdict.STATE_LOST, Verdict.NOT_DETERMINISTIC, Verdict.SINK_DIFFERS, Verdict.FILES_CHANGED,
})  # fmt: skip
UNKNOWN_MS = 300_000  # a server that is killed is back within a minute or two; a job that is unknown for longer is unsupervised
SETTLED = {Verdict.OK, Verdict.IDLE}
ENDED = {Verdict.CRASH_LOOPING: Verdict.DOWN}  # crash looping is down with nothing left to try


@dataclass(frozen=True)
class Report:
    """A verdict on a job, with its evidence. Times are in ms since the epoch; 0: never, or unknown."""

    job: str
    verdict: Verdict
    attempt: int  # the one that may write; 0: none
    since: int  # since when the verdict is the same
    sentence: str  # the verdict in words
    next_step: str = ""  # what an operator can do, with the command; empty: nothing
    evidence: Mapping[str, object] = field(default_factory=dict)  # facts by name
    lag_since: int = 0  # since when input waits and nothing has landed; 0: no input waits
    frontier: Mapping[str, int] = field(default_factory=dict)  # where the landed part ends, by partition
    act: str = "none"  # the action on the driver that was decided on
    plan: str = ""  # the decision in words, also if it is to do nothing
    not_before: int = 0  # the earliest time of the action
    lag_seen: int = 0  # when input was last seen to wait
    at: int = 0  # when the report was made; 0: nothing was observed
    settled: int = 0  # the newest attempt that had caught up; 0: none
    standby_act: str = "none"  # the action on standbys that was decided on
    behind_since: int = 0  # since when the lag is above `catching_up_lag`; 0: it is not
    covers: str = ""  # the verdict without the active maintenance window; empty: there is no window
    closest: int = 0  # the smallest lag since `behind_since`, in lines
    closest_at: int = 0  # when the lag was first as small as `closest`
    silent_since: int = 0  # since when the cluster no longer reports the driver, though it did before; 0: it does, or never did

    @property
    def found(self) -> Verdict:
        """Return the verdict without a maintenance window. Which actions are offered depends on it."""
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
    """Parse a stored report; None if there is none, or if another version of Weir wrote it in another form."""
    try:
        return Report.from_json(text) if text else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def is_news(report: Report, kept: Report | None) -> bool:
    """Return whether a report should replace the stored one.

    A new verdict replaces it at once, and so do new end offsets of unread lines: if the topic is deleted, nothing else says what was lost.
    Everything else waits until the stored report is no longer fresh. An older `frontier` is safe: it can only make a stream look as if
    something had just landed, never as if nothing had. An older `lag_seen` is no outage, for it is far younger than UNSEEN_MS.
    """
    if kept is None or _gist(report) != _gist(kept):
        return True
    if report.evidence.get("lag") and report.evidence.get("end_offsets") != kept.evidence.get("end_offsets"):
        return True
    return report.at - kept.at >= FRESH_MS and replace(report, at=kept.at) != kept


def _gist(report: Report) -> tuple[object, ...]:
    decided = report.act, report.plan, report.not_before, report.evidence.get("paused")
    concerns = [(concern.kind, concern.key) for concern in concerns_of(report.evidence)]
    return report.verdict, report.covers, report.attempt, report.since, concerns, *decided
