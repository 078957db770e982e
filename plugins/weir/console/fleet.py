"""The rows of the fleet page: each job's report and throughput, worst first. Judges nothing."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from weir.alerts.messages import span
from weir.console.describe import in_words
from weir.console.plot import sparkline
from weir.console.throughput import Throughput, ThroughputMeter
from weir.console.trend import Trends
from weir.counts.times import at, bare
from weir.jobs.specs import bad_of
from weir.supervise.judge.report import Report, Verdict

if TYPE_CHECKING:
    from spark_jobs.protocol.head import Head
    from weir.ports.attempts import AttemptRow
    from weir.ports.reports import JobSnapshot
    from weir.ports.store import Store
    from weir.supervise.manager import Manager

Row = dict[str, Any]
FRESH_S = 5.0  # a pass over a thousand jobs takes seconds of a core: simultaneous viewers share one
STARTS = 3  # attempts that are searched for the newest used one: some are only noted
WORST_FIRST = (
    Verdict.DATA_LOSS,
    Verdict.STATE_LOST,
    Verdict.SINK_DIFFERS,
    Verdict.FILES_CHANGED,
    Verdict.NOT_DETERMINISTIC,
    Verdict.DIVERGED,
    Verdict.UNCONFIRMED,
    Verdict.POISONED,
    Verdict.CRASH_LOOPING,
    Verdict.DOWN,
    Verdict.STALLED,
    Verdict.MAINTENANCE,
    Verdict.UNKNOWN,
    Verdict.SLOW,
    Verdict.CATCHING_UP,
    Verdict.STARTING,
    Verdict.OK,
    Verdict.IDLE,
    Verdict.STOPPED,
)
VERDICTS = [str(verdict) for verdict in WORST_FIRST]

log = logging.getLogger(__name__)


class View:
    """One check of the fleet, kept for FRESH_S. The trends are read in the background and appear in the next check."""

    def __init__(self) -> None:
        self._turn, self._at = asyncio.Lock(), 0.0
        self._rows: Sequence[Row] | None = None
        self.bad: Sequence[str] = ()  # the errors of job.yaml files that are not valid
        self._motions, self._trends = ThroughputMeter(), Trends()
        self._reading: asyncio.Task[None] | None = None

    async def rows(self) -> Sequence[Row]:
        """Raises WeirError or TimeoutError if the store does not answer."""
        from weir.airflow.triggers.session import ask

        async with self._turn:
            if self._rows is None or time.monotonic() - self._at > FRESH_S:
                self._rows, self._at = None, 0.0
                (rows, heads), bad = await ask(lambda manager: (look(manager, self._motions, self._trends), bad_of(manager.specs)))
                self._rows, self._at, self.bad = rows, time.monotonic(), [str(error) for error in bad.values()]
                if self._reading is None or self._reading.done():
                    self._reading = asyncio.create_task(self._read(heads))
            return self._rows

    async def _read(self, heads: Mapping[str, Head]) -> None:
        from weir.airflow.triggers.session import ask

        try:
            await ask(lambda manager: self._trends.look(manager.store, heads))
        except Exception as error:  # noqa: BLE001 - they are read again after the next check
            log.warning("the error trends could not be read: %r", error)


def look(manager: Manager[Store], meter: ThroughputMeter, trends: Trends) -> tuple[Sequence[Row], Mapping[str, Head]]:
    """Return a row for each job, worst first, and the known heads."""
    reports = manager.onlooker().reports(dict(manager.specs))
    snapshots = manager.store.snapshots([report.job for report in reports], STARTS)
    rows = [
        row(report, snapshots[report.job], meter.look(report, snapshots[report.job]), trends.values(report.job))
        for report in sorted(reports, key=_worst)
    ]
    return rows, {job: snapshot.head for job, snapshot in snapshots.items() if snapshot.head}


def row(report: Report, snapshot: JobSnapshot, throughput: Throughput, errors: Sequence[int | None]) -> Row:
    """Return what the page shows of a job. None and the empty string mean unknown."""
    path = quote(report.job, safe="", errors="replace")
    links = {"docs": f"docs/{path}/index.html", "page": f"jobs/{path}"}
    told = in_words(report)
    shown = {"proven_up_to": bare(told["proven_up_to"] or ""), "started": _started(snapshot.attempts)}
    return {"job": report.job, **told, **shown, **moves(throughput), "errors": sparkline(errors), **links}


def moves(throughput: Throughput) -> Row:
    """Return a throughput for the pages: `into` and `out` in lines a second, `waits` and `soon` as text."""
    waits = "" if throughput.waited_s is None or not throughput.waited_s else f"waits {span(int(throughput.waited_s * 1000))}"
    soon = "" if throughput.catch_up_s is None else f"caught up in {span(int(throughput.catch_up_s * 1000))} at this rate"
    return {
        "into": throughput.into,
        "out": throughput.out,
        "waits": waits,
        "soon": "falling behind: more lines come in than go out" if throughput.grows else soon,
    }


def chosen(rows: Sequence[Row], verdict: str, text: str) -> Sequence[Row]:
    """Return the rows with that verdict and that text in the job's name; empty means all."""
    return [row for row in rows if verdict in ("", row["verdict"]) and text.strip().lower() in row["job"].lower()]


def _worst(report: Report) -> tuple[int, int, str]:
    return WORST_FIRST.index(report.verdict), -report.since, report.job


def _started(attempts: Sequence[AttemptRow]) -> str:
    """Return when the newest attempt was taken, its cause and who took it."""
    newest = next((one for one in attempts if one.used), None)
    return f"{at(newest.taken_at)}, {newest.cause} by {newest.who}" if newest and newest.taken_at else ""
