"""From a job's verdicts to what its incident says. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from weir.ports.jobs import Event
from weir.supervise.report import TROUBLE, UNKNOWN_MS, Report, Verdict

WELL = frozenset({Verdict.OK, Verdict.IDLE, Verdict.CATCHING_UP, Verdict.STOPPED})
A_PERSON = TROUBLE - {Verdict.DOWN, Verdict.STALLED, Verdict.SLOW}  # two that Weir mends by itself, and one that can wait till the morning
ACTED = ("restart", "rebuild", "accept_loss", "quarantine", "deploy")


@dataclass(frozen=True)
class Sighting:
    """A verdict that was new at `at` (ms). `since` is when the trouble began."""

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
        return "critical" if self.verdict in A_PERSON else "warning"


def sightings(events: Iterable[Event], report: Report | None, after: int, now: int) -> list[Sighting]:
    """The changes of the verdict later than `after`, in order; at the end the last report, which knows the next step.

    The timeline may lack a line; what is kept as the last report is what holds. Unknown is trouble only once it has lasted.
    """
    said = [e for e in events if e.kind == "verdict" and e.at > after and (report is None or e.at < report.since)]
    found = [Sighting(e.at, str(e.detail.get("verdict", "")), e.text) for e in sorted(said, key=lambda e: e.at)]
    if report is not None:
        found.append(Sighting(report.since, str(report.verdict), report.sentence, report.next_step))
    ends = [*(s.at for s in found[1:]), now]
    return [s for s, end in zip(found, ends, strict=False) if s.verdict != Verdict.UNKNOWN or end - s.at > UNKNOWN_MS]


def done(events: Iterable[Event], since: int) -> list[str]:
    """What was done about a job since then, the oldest first, in words."""
    acts = sorted((e for e in events if e.kind in ACTED and e.at >= since), key=lambda e: e.at)
    return [f"{e.kind} by {e.who}: {e.text}" for e in acts]


def left_out(events: Sequence[Event], since: int) -> int:
    """Lines that were given up since then: by accepted losses and quarantines."""
    lines = [e.detail.get("lines_left_out", 0) for e in events if e.at >= since]
    return sum(n for n in lines if isinstance(n, int))
