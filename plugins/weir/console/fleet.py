"""The rows of the fleet page: what the manager says of each job, put in order. Nothing is judged here."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from weir.console.times import at, bare
from weir.supervise.summary import summary
from weir.supervise.verdict import CALM, Report, Verdict

if TYPE_CHECKING:
    from weir.cluster.records import AttemptRow, Glance
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
    Verdict.CATCHING_UP,
    Verdict.STARTING,
    Verdict.OK,
    Verdict.IDLE,
    Verdict.STOPPED,
)
DOUBTFUL = {Verdict.UNKNOWN, Verdict.MAINTENANCE, Verdict.CATCHING_UP, Verdict.STARTING}
VERDICTS = [str(verdict) for verdict in WORST_FIRST]


class View:
    """One look at the fleet, kept for FRESH_S."""

    def __init__(self) -> None:
        self._turn, self._at = asyncio.Lock(), 0.0
        self._rows: Sequence[Row] | None = None

    async def rows(self) -> Sequence[Row]:
        """Raises WeirError or TimeoutError if the store does not answer."""
        from weir.triggers.session import ask

        async with self._turn:
            if self._rows is None or time.monotonic() - self._at > FRESH_S:
                self._rows, self._at = None, 0.0
                self._rows, self._at = await ask(look), time.monotonic()
            return self._rows


def look(manager: Manager) -> Sequence[Row]:
    """A row for each job, the worst first."""
    reports = manager.onlooker().reports(dict(manager.specs))
    glances = manager.store.glance([report.job for report in reports], STARTS)
    return [row(report, glances[report.job]) for report in sorted(reports, key=_worst)]


def row(report: Report, glance: Glance) -> Row:
    """What the page shows of a job; None and the empty string stand for what is not known."""
    path = quote(report.job, safe="", errors="replace")
    links = {"docs": f"docs/{path}/index.html", "page": f"jobs/{path}"}
    told = in_words(report)
    shown = {"proven_up_to": bare(told["proven_up_to"] or ""), "started": _started(glance.attempts)}
    return {"job": report.job, **told, **shown, **links}


def in_words(report: Report) -> Row:
    """A report as pages tell it."""
    words = {"words": str(report.verdict).replace("_", " "), "sentence": report.sentence, "next_step": report.next_step}
    return {**summary(report), **words, "since": at(report.since), "tone": _tone(report.verdict)}


def chosen(rows: Sequence[Row], verdict: str, text: str) -> Sequence[Row]:
    """The rows of one verdict, and with the text in the job's name; empty for all."""
    return [row for row in rows if verdict in ("", row["verdict"]) and text.strip().lower() in row["job"].lower()]


def _worst(report: Report) -> tuple[int, int, str]:
    return WORST_FIRST.index(report.verdict), -report.since, report.job


def _tone(verdict: Verdict) -> str:
    return "doubtful" if verdict in DOUBTFUL else "good" if verdict in CALM else "bad"


def _started(attempts: Sequence[AttemptRow]) -> str:
    """When the newest attempt was taken, why, and by whom."""
    newest = next((one for one in attempts if one.used), None)
    return f"{at(newest.taken_at)}, {newest.cause} by {newest.who}" if newest and newest.taken_at else ""
