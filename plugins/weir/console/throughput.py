"""Throughput of a job: lines a second in and out, age of the oldest unread line, and time to catch up.

A rate is the difference of two samples: the present one, and an earlier one of this process or of the watch's stored report. So rates need
no query.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from weir.metrics.look import ReadUp, ends, waited_ms
from weir.ports.reports import JobSnapshot
from weir.supervise.judge.report import SETTLED, Report, report_of

OVER_MS = 60_000  # a rate is the mean of about this time
LEAST_MS = 2_000  # between two samples: a shorter time gives noise
OLDEST_MS = 600_000  # older samples are dropped


@dataclass(frozen=True)
class Sample:
    """End offset and landed offset at a moment, summed over all partitions."""

    at: int  # ms
    end: int
    landed: int


@dataclass(frozen=True)
class Throughput:
    """A job's throughput. None means unknown."""

    into: float | None = None  # lines a second
    out: float | None = None  # lines a second
    waited_s: float | None = None  # age of the oldest unread line
    catch_up_s: float | None = None  # also None if more comes in than goes out
    grows: bool = False  # more comes in than goes out


class ThroughputMeter:
    """Keeps the samples of each job and computes rates."""

    def __init__(self) -> None:
        self._seen: dict[str, list[Sample]] = {}
        self._read_up = ReadUp()

    def look(self, report: Report, snapshot: JobSnapshot) -> Throughput:
        now = sample(report)
        read_up = self._read_up.look(report, snapshot.head)
        if now is None or snapshot.head is None:
            return Throughput()
        kept = report_of(snapshot.report)
        before = sample(kept) if kept else None
        seen = remembered([*self._seen.get(report.job, ()), *([before] if before else [])], now)
        self._seen[report.job] = [*seen, now]
        waited = waited_ms(snapshot.head, ends(report), read_up, report.at)
        return throughput(seen, now, None if waited is None else waited / 1000, report)


def sample(report: Report) -> Sample | None:
    """Return the sample in a report; None if broker or store did not answer."""
    topic, landed = ends(report), report.evidence.get("offsets")
    if not topic or not isinstance(landed, dict):
        return None
    return Sample(report.at, sum(topic.values()), sum(int(landed.get(p, 0)) for p in topic))


def remembered(seen: Sequence[Sample], now: Sample) -> list[Sample]:
    """Return the samples that a rate may start from, oldest first. Drop those that are too old, and keep only the newest of those older
    than OVER_MS. After a topic was created again, or a head was restored, earlier samples are dropped."""
    apart = sorted(
        {s.at: s for s in seen if LEAST_MS <= now.at - s.at <= OLDEST_MS and s.end <= now.end and s.landed <= now.landed}.items()
    )
    found = [s for _, s in apart]
    older = [s for s in found if now.at - s.at >= OVER_MS]
    return [*older[-1:], *(s for s in found if now.at - s.at < OVER_MS)]


def throughput(seen: Sequence[Sample], now: Sample, waited_s: float | None, report: Report) -> Throughput:
    """Return the rates since the oldest of `seen`. A settled job has no time to catch up: a lag of one batch is normal."""
    if not seen:
        return Throughput(waited_s=waited_s)
    seconds = (now.at - seen[0].at) / 1000
    into, out = (now.end - seen[0].end) / seconds, (now.landed - seen[0].landed) / seconds
    lag = now.end - now.landed
    if report.verdict in SETTLED or lag <= 0:
        return Throughput(into, out, waited_s)
    return Throughput(into, out, waited_s, lag / (out - into), False) if out > into else Throughput(into, out, waited_s, None, True)
