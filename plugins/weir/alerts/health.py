"""From a job's verdicts to the incident about its health. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from weir.ports.timeline import Event
from weir.supervise.judge.report import TROUBLE, UNKNOWN_MS, Report, Verdict

WELL = frozenset({Verdict.OK, Verdict.IDLE, Verdict.CATCHING_UP, Verdict.STOPPED})
NEEDS_OPERATOR = TROUBLE - {Verdict.DOWN, Verdict.STALLED, Verdict.SLOW}  # Weir restarts the first two; the third can wait till the morning
ACTED = ("restart", "rebuild", "accept_loss", "quarantine", "deploy", "confirm_ended")


@dataclass(frozen=True)
class VerdictChange:
    """A change of the verdict at `at` (ms)."""

    at: int
    verdict: str
    sentence: str
    next_step: str = ""

    @property
    def trouble(self) -> bool:
        return self.verdict in TROUBLE

    @property
    def well(self) -> bool:
        return self.verdict in WELL

    @property
    def severity(self) -> str:
        return "critical" if self.verdict in NEEDS_OPERATOR else "warning"


def verdict_changes(events: Iterable[Event], report: Report | None, after: int, now: int) -> list[VerdictChange]:
    """Return the changes of the verdict after `after` (ms), oldest first; the last one is from the last report, with its next step.

    The timeline may lack an entry; the last report is authoritative. Unknown counts only once it has lasted for UNKNOWN_MS.
    """
    said = [e for e in events if e.kind == "verdict" and e.at > after and (report is None or e.at < report.since)]
    found = [VerdictChange(e.at, str(e.detail.get("verdict", "")), e.text) for e in sorted(said, key=lambda e: e.at)]
    if report is not None:
        found.append(VerdictChange(report.since, str(report.verdict), report.sentence, report.next_step))
    ends = [*(s.at for s in found[1:]), now]
    return [s for s, end in zip(found, ends, strict=False) if s.verdict != Verdict.UNKNOWN or end - s.at > UNKNOWN_MS]


def done(events: Iterable[Event], since: int) -> list[str]:
    """Describe the actions on a job since then, oldest first."""
    acts = sorted((e for e in events if e.kind in ACTED and e.at >= since), key=lambda e: e.at)
    return [f"{e.kind} by {e.who}: {e.text}" for e in acts]


def left_out(events: Sequence[Event], since: int) -> int:
    """Return how many lines were left out since then, by accepted losses and quarantines."""
    lines = [e.detail.get("lines_left_out", 0) for e in events if e.at >= since]
    return sum(n for n in lines if isinstance(n, int))
