"""The rows of the fleet page: what the manager says of each job, and how it moves, put in order. Nothing is judged here."""

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
from weir.console.throughput import Motion, Motions
from weir.console.trend import Trends
from weir.counts.times import at, bare
from weir.jobs.specs import bad_of
from weir.supervise.report import Report, Verdict

if TYPE_CHECKING:
    from spark_jobs.protocol.head import Head
    from weir.ports.jobs import AttemptRow, Glance
    from weir.supervise.manager import Manager

Row = dict[str, Any]
FRESH_S = 5.0  # a pass over a thousand jobs takes seconds of a core: all who look at the same moment share one
STARTS = 3  # attempts to look for the newest that was used: some are only noted
WORST_FIRST = (
    Verdict.DATA_LOSS,
    Verdict.DIVERGED,
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
    """One look at the fleet, kept for FRESH_S. What trends need is read behind it: nobody waits for that, and the next look has it."""

    def __init__(self) -> None:
        self._turn, self._at = asyncio.Lock(), 0.0
        self._rows: Sequence[Row] | None = None
        self.bad: Sequence[str] = ()  # what is wrong with the job.yaml files that do not fit
        self._motions, self._trends = Motions(), Trends()
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
        except Exception as error:  # noqa: BLE001 - it is read again after the next look
            log.warning("the trends of errors could not be read: %r", error)


def look(manager: Manager, motions: Motions, trends: Trends) -> tuple[Sequence[Row], Mapping[str, Head]]:
    """A row for each job, the worst first, and the heads that there are."""
    reports = manager.onlooker().reports(dict(manager.specs))
    glances = manager.store.glance([report.job for report in reports], STARTS)
    rows = [
        row(report, glances[report.job], motions.look(report, glances[report.job]), trends.values(report.job))
        for report in sorted(reports, key=_worst)
    ]
    return rows, {job: glance.head for job, glance in glances.items() if glance.head}


def row(report: Report, glance: Glance, motion: Motion, errors: Sequence[int | None]) -> Row:
    """What the page shows of a job; None and the empty string stand for what is not known."""
    path = quote(report.job, safe="", errors="replace")
    links = {"docs": f"docs/{path}/index.html", "page": f"jobs/{path}"}
    told = in_words(report)
    shown = {"proven_up_to": bare(told["proven_up_to"] or ""), "started": _started(glance.attempts)}
    return {"job": report.job, **told, **shown, **moves(motion), "errors": sparkline(errors), **links}


def moves(motion: Motion) -> Row:
    """A motion as pages tell it: `into` and `out` are numbers of lines a second, the others are words."""
    waits = "" if motion.waited_s is None or not motion.waited_s else f"waits {span(int(motion.waited_s * 1000))}"
    soon = "" if motion.catch_up_s is None else f"caught up in {span(int(motion.catch_up_s * 1000))} at this rate"
    return {
        "into": motion.into,
        "out": motion.out,
        "waits": waits,
        "soon": "grows: more comes in than is counted" if motion.grows else soon,
    }


def chosen(rows: Sequence[Row], verdict: str, text: str) -> Sequence[Row]:
    """The rows of one verdict, and with the text in the job's name; empty for all."""
    return [row for row in rows if verdict in ("", row["verdict"]) and text.strip().lower() in row["job"].lower()]


def _worst(report: Report) -> tuple[int, int, str]:
    return WORST_FIRST.index(report.verdict), -report.since, report.job


def _started(attempts: Sequence[AttemptRow]) -> str:
    """When the newest attempt was taken, why, and by whom."""
    newest = next((one for one in attempts if one.used), None)
    return f"{at(newest.taken_at)}, {newest.cause} by {newest.who}" if newest and newest.taken_at else ""
