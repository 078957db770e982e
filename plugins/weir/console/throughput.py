"""How a job moves: lines a second in and out, how long the oldest unread line has waited, and how long until all is caught up.

Rates are the difference of two sightings: that of now, and an earlier one of this process, or the report that the watch has kept. So no
question is asked for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from weir.metrics.look import ReadUp, ends, waited_ms
from weir.ports.jobs import JobSnapshot
from weir.supervise.report import SETTLED, Report, report_of

OVER_MS = 60_000  # what a rate is the mean of, about
LEAST_MS = 2_000  # between two sightings: less says more about the moments than about the stream
OLDEST_MS = 600_000


@dataclass(frozen=True)
class Sighting:
    """How far the topic and what has landed of it reached at a moment (ms), over all partitions."""

    at: int
    end: int
    landed: int


@dataclass(frozen=True)
class Motion:
    """Lines a second; seconds. None for what is not known, and for `catch_up_s` also where more comes in than goes out."""

    into: float | None = None
    out: float | None = None
    waited_s: float | None = None
    catch_up_s: float | None = None
    grows: bool = False


class Motions:
    """Remembers what it saw of each job."""

    def __init__(self) -> None:
        self._seen: dict[str, list[Sighting]] = {}
        self._read_up = ReadUp()

    def look(self, report: Report, snapshot: JobSnapshot) -> Motion:
        now = sighting(report)
        read_up = self._read_up.look(report, snapshot.head)
        if now is None or snapshot.head is None:
            return Motion()
        kept = report_of(snapshot.report)
        before = sighting(kept) if kept else None
        seen = remembered([*self._seen.get(report.job, ()), *([before] if before else [])], now)
        self._seen[report.job] = [*seen, now]
        waited = waited_ms(snapshot.head, ends(report), read_up, report.at)
        return motion(seen, now, None if waited is None else waited / 1000, report)


def sighting(report: Report) -> Sighting | None:
    """None if the broker or the store did not say."""
    topic, landed = ends(report), report.evidence.get("offsets")
    if not topic or not isinstance(landed, dict):
        return None
    return Sighting(report.at, sum(topic.values()), sum(int(landed.get(str(p), 0)) for p in topic))


def remembered(seen: Sequence[Sighting], now: Sighting) -> list[Sighting]:
    """Those that a rate may be measured from, oldest first: none that is too old, and of those older than a rate needs only the newest.
    A topic that was made anew, or a head that was restored, begins again."""
    apart = sorted(
        {s.at: s for s in seen if LEAST_MS <= now.at - s.at <= OLDEST_MS and s.end <= now.end and s.landed <= now.landed}.items()
    )
    found = [s for _, s in apart]
    older = [s for s in found if now.at - s.at >= OVER_MS]
    return [*older[-1:], *(s for s in found if now.at - s.at < OVER_MS)]


def motion(seen: Sequence[Sighting], now: Sighting, waited_s: float | None, report: Report) -> Motion:
    """The rates since the oldest of `seen`. Time to catch up is told only of a job that has not settled: a batch's worth of lag is none."""
    if not seen:
        return Motion(waited_s=waited_s)
    seconds = (now.at - seen[0].at) / 1000
    into, out = (now.end - seen[0].end) / seconds, (now.landed - seen[0].landed) / seconds
    lag = now.end - now.landed
    if report.verdict in SETTLED or lag <= 0:
        return Motion(into, out, waited_s)
    return Motion(into, out, waited_s, lag / (out - into), False) if out > into else Motion(into, out, waited_s, None, True)
