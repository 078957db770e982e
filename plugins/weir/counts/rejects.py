"""Which services have more rejected lines than is usual for them, and the likely cure. Pure.

A batch says how many lines of it were rejected, and keeps samples, which name their services: the numbers by service are estimates. Of a
service whose every line is rejected nothing is counted, which is exact.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from spark_jobs.counts.cells import RejectedLine
from weir.counts.fitting import as_yaml, ranked
from weir.output import readable
from weir.supervise.judge.concern import Concern
from weir.times import iso

KIND = "rejected_lines"
FEW = 20  # rejected lines; fewer are no pattern
MOST_FIT = 0.8  # share of the samples that a format must take to be named
LONGEST = 200  # characters of a sample in a sentence


@dataclass(frozen=True)
class Recent:
    """What landed lately: rejected lines in all, samples of them (newest batch first), and counted lines by service."""

    rejected: int
    samples: Sequence[RejectedLine]
    counted: Mapping[str, int]


@dataclass(frozen=True)
class Bounds:
    """Up to which share of rejected lines nothing is said: of every service, and of single ones."""

    every: float
    usual: Mapping[str, float] = field(default_factory=dict)

    def of(self, service: str) -> float:
        return self.usual.get(service, self.every)


def concerns(job: str, recent: Recent, bounds: Bounds, zone: str, now: int) -> list[Concern]:
    """Return a concern for each service above its bound."""
    by_service: defaultdict[str, list[RejectedLine]] = defaultdict(list)
    for line in recent.samples:
        by_service[line.service].append(line)
    found = []
    for service, lines in sorted(by_service.items()):
        rejected = round(recent.rejected * len(lines) / len(recent.samples))
        share = rejected / (rejected + recent.counted.get(service, 0)) if rejected else 0.0
        if rejected >= FEW and share > bounds.of(service):
            found.append(_concern(job, service, share, lines, zone, now))
    return found


def _concern(job: str, service: str, share: float, lines: Sequence[RejectedLine], zone: str, now: int) -> Concern:
    (reason, _), *_ = Counter(line.reason for line in lines).most_common(1)
    first = min((line for line in lines if line.reason == reason), key=lambda line: (line.append_ms or now, line.offset))
    since, text = first.append_ms or now, readable(first.value[:LONGEST])
    how = f"all lines are rejected as {reason}" if share == 1.0 else f"about {share:.0%} of the lines are rejected, most as {reason}"
    sentence = f"service {service}: {how} since {iso(since - since % 1000)}; the first: {text}"
    return Concern(KIND, (service,), since, sentence, f"{cure(job, service, reason, lines, zone, now)}; see docs/runbook.md#rejected_lines")


def cure(job: str, service: str, reason: str, lines: Iterable[RejectedLine], zone: str, now: int) -> str:
    """Return the likely cure, or where to look."""
    look = f"weir rejected {job} --service {service}"
    if reason == "not_a_log_line":
        best = next(iter(ranked([line.value for line in lines if line.reason == reason], zone, now)), None)
        if best is not None and best.share >= MOST_FIT:
            return (
                f"they look like {best.name}: set options.services.{service}.line_format to {as_yaml(best.value)}, then weir deploy {job}"
            )
        return f"{look}, then weir formats test FILE"
    if reason == "future":
        return f"{look}: check the clock of its servers, and options.services.{service}.time_zone"
    if reason == "not_utf8":
        return f"{look}: send UTF-8; weir ingest converts UTF-16"
    return look
