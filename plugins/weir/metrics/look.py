"""One check of the fleet: each job's report from the manager, and further rows from the store."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from spark_jobs.protocol.head import Head, base_progress
from spark_jobs.protocol.partition import labelled
from weir.alerts.book import Book
from weir.alerts.keep import open_book
from weir.jobs.kinds import Kind
from weir.jobs.specs import bad_of
from weir.metrics.counters import Counters, JobCounters
from weir.metrics.paced import Paced
from weir.metrics.recounts import Record
from weir.ports.reports import JobSnapshot
from weir.supervise.judge.report import Report

if TYPE_CHECKING:
    from weir.ports.store import Store
    from weir.supervise.manager import Manager

RECOUNTS_S, ALERTS_S = 60.0, 30.0  # between two reads: recounts run once an hour, alerts are evaluated twice a minute
STARTS = 20  # attempts to read: more than can start between two checks


@dataclass(frozen=True)
class Facts:
    """What is known of one job."""

    report: Report
    kind: Kind
    snapshot: JobSnapshot = field(default_factory=JobSnapshot)
    counted: JobCounters | None = None
    recounts: Sequence[Record] = ()
    alerts: Book | None = None
    read_up: Mapping[str, int] = field(default_factory=dict)  # by partition's label: when all its lines had last landed (ms)


@dataclass(frozen=True)
class Look:
    """The result of a check. `bad` are the jobs whose job.yaml is not valid."""

    up: bool  # if False, nothing is known of any job
    at: float  # s since 1970
    took_s: float
    jobs: Sequence[Facts] = ()
    bad: Collection[str] = ()


class Looker:
    """Checks the fleet, and keeps the counters since its creation, whichever manager it uses."""

    def __init__(self, recounts_s: float = RECOUNTS_S, alerts_s: float = ALERTS_S) -> None:
        self._counters = Counters()
        self._recounts, self._alerts = Paced[Sequence[Record]](recounts_s), Paced[Book](alerts_s)
        self._read_up = ReadUp()

    def look(self, manager: Manager[Store]) -> Look:
        """Check all jobs. Raises NotRunning if the store stops answering in between."""
        began, at = time.monotonic(), time.time()
        specs = dict(manager.specs)
        reports = manager.onlooker().reports(specs)
        seen = [report.job for report in reports if report.at]
        if reports and not seen:
            return Look(False, at, time.monotonic() - began)
        store = manager.store
        snapshots = store.snapshots(seen, STARTS)
        counted, recounts = self._counters.look(store, snapshots), self._recounts.look(seen, store.recounts)
        alerts = self._alerts.look(seen, lambda job: open_book(store, job)[1])

        def facts(r: Report) -> Facts:
            snapshot = snapshots.get(r.job, JobSnapshot())
            return Facts(
                r,
                specs[r.job].kind,
                snapshot,
                counted.get(r.job),
                recounts.get(r.job, ()),
                alerts.get(r.job),
                self._read_up.look(r, snapshot.head),
            )

        return Look(True, at, time.monotonic() - began, [facts(report) for report in reports], sorted(bad_of(manager.specs)))


class ReadUp:
    """Remembers when all lines of each partition had last landed (ms), as far as this process has seen."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, int]] = {}

    def look(self, report: Report, head: Head | None) -> Mapping[str, int]:
        known = self._known.setdefault(report.job, {})
        if head is not None:
            landed = head.shown_frontier
            known |= {p: report.at for p, end in ends(report).items() if landed.get(p, 0) >= end}
        return dict(known)


def ends(report: Report) -> Mapping[str, int]:
    """Return the present end offsets by the partition's label; empty if the broker did not answer. Then the evidence has older ones."""
    told = report.evidence.get("end_offsets")
    return dict(told) if isinstance(told, Mapping) and report.evidence.get("lag") is not None else {}


def waited_ms(head: Head, topic: Mapping[str, int], read_up: Mapping[str, int], now: int) -> int | None:
    """Return an upper bound (ms) for the age of the oldest unread record; 0 if all is read, None if unknown.

    A topic keeps its records in append order: an unread record is no older than the newest landed one, and came after the time at which
    everything was read.
    """
    landed, frontier = labelled(base_progress(head).append_times, head.names), head.shown_frontier
    unread = [p for p, end in topic.items() if end > frontier.get(p, 0)]
    since = [max(landed.get(p, 0), read_up.get(p, 0)) for p in unread]
    if not all(since):
        return None
    return max((max(0, now - moment) for moment in since), default=0)
