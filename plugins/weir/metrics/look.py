"""One look at the fleet: what the manager says of each job, and what the store knows beside it."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from spark_jobs.protocol.head import Head, base_progress
from weir.alerts.book import Book
from weir.alerts.keep import open_book
from weir.jobs.specs import bad_of
from weir.metrics.counters import Counted, Counters
from weir.metrics.paced import Paced
from weir.metrics.recounts import Record
from weir.ports.jobs import Glance
from weir.supervise.report import Report

if TYPE_CHECKING:
    from weir.supervise.manager import Manager

RECOUNTS_S, ALERTS_S = 60.0, 30.0  # recounts are made once an hour, alerts looked at twice a minute
STARTS = 20  # attempts: more than can be begun between two looks


@dataclass(frozen=True)
class Facts:
    """Of one job. `read_up` has, by partition, when all of it had landed the last time that it had (ms)."""

    report: Report
    glance: Glance = field(default_factory=Glance)
    counted: Counted | None = None
    recounts: Sequence[Record] = ()
    alerts: Book | None = None
    read_up: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Look:
    """`at` in seconds since the epoch. With `up` False nothing is known of any job. `bad` are the jobs whose job.yaml does not fit."""

    up: bool
    at: float
    took_s: float
    jobs: Sequence[Facts] = ()
    bad: Collection[str] = ()


class Looker:
    """Keeps what has happened since it was made, whichever manager it looks by."""

    def __init__(self, recounts_s: float = RECOUNTS_S, alerts_s: float = ALERTS_S) -> None:
        self._counters = Counters()
        self._recounts, self._alerts = Paced[Sequence[Record]](recounts_s), Paced[Book](alerts_s)
        self._read_up = ReadUp()

    def look(self, manager: Manager) -> Look:
        """Raises NotRunning if the store stops answering in the middle of it."""
        began, at = time.monotonic(), time.time()
        reports = manager.onlooker().reports(dict(manager.specs))
        seen = [report.job for report in reports if report.at]
        if reports and not seen:
            return Look(False, at, time.monotonic() - began)
        store = manager.store
        glances = store.glance(seen, STARTS)
        counted, recounts = self._counters.look(store, glances), self._recounts.look(seen, store.recounts)
        alerts = self._alerts.look(seen, lambda job: open_book(store, job)[1])

        def facts(r: Report) -> Facts:
            glance = glances.get(r.job, Glance())
            return Facts(r, glance, counted.get(r.job), recounts.get(r.job, ()), alerts.get(r.job), self._read_up.look(r, glance.head))

        return Look(True, at, time.monotonic() - began, [facts(report) for report in reports], sorted(bad_of(manager.specs)))


class ReadUp:
    """When all of each partition had landed the last time that it had (ms), as far as this process has seen it."""

    def __init__(self) -> None:
        self._known: dict[str, dict[int, int]] = {}

    def look(self, report: Report, head: Head | None) -> Mapping[int, int]:
        known = self._known.setdefault(report.job, {})
        if head is not None:
            known |= {p: report.at for p, end in ends(report).items() if head.frontier.get(p, 0) >= end}
        return dict(known)


def ends(report: Report) -> Mapping[int, int]:
    """Where the partitions end now; empty if the broker did not say. Then evidence has where they ended when it last did."""
    told = report.evidence.get("end_offsets")
    return {int(p): o for p, o in told.items()} if isinstance(told, Mapping) and report.evidence.get("lag") is not None else {}


def waited_ms(head: Head, topic: Mapping[int, int], read_up: Mapping[int, int], now: int) -> int | None:
    """How long the oldest unread record of a topic that ends there has waited, at most; 0 if all is read, None if that is not known.

    A topic keeps its records in the order in which they were appended: an unread one is no older than the newest that has landed, and came
    after the moment at which all was read.
    """
    landed = base_progress(head).append_times
    unread = [p for p, end in topic.items() if end > head.frontier.get(p, 0)]
    since = [max(landed.get(p, 0), read_up.get(p, 0)) for p in unread]
    if not all(since):
        return None
    return max((max(0, now - moment) for moment in since), default=0)
