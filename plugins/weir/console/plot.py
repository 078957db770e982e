"""Errors by window as bars, with the starts of drivers as marks: what an inline drawing needs, as numbers. No script draws anything."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from spark_jobs.contract import HOUR_MS
from weir.console.times import Span, at
from weir.counts.panes import duration, iso, windows
from weir.counts.query import Question, counts
from weir.counts.rules import Rules
from weir.supervise.spec import find

if TYPE_CHECKING:
    from weir.cluster.records import AttemptRow
    from weir.supervise.manager import Manager

STEP, HEIGHT = 10, 100  # of the drawing's own units: a window is STEP wide
LEVELS = ("emerg", "alert", "crit", "error")  # those whose lines have a signature


def errors(manager: Manager, job: str, span: Span) -> dict[str, Any]:
    """The drawing of one job's errors; empty if it was never deployed. Raises UnknownJob, NotProven, Conflict."""
    if manager.store.head(job) is None:
        return {}
    width = span.window(Rules.of(find(manager.specs, job)).pane)
    since, until = span.since // width * width, span.until
    question = Question(windows(width, width, width), since, until, by=(), levels=LEVELS, fill=True)
    rows = counts(manager.store, job, question)
    drawn = draw([row["n"] for row in rows])
    numbers = [{"window": row["window_start"], "n": row["n"]} for row in rows if row["n"]]
    begun = marks(manager.store.attempts(job), since, since + len(rows) * width, drawn["width"])
    newest = "" if numbers else _newest(manager, job)
    ends = {"since": iso(since), "until": iso(since + len(rows) * width), "window": duration(width)}
    return {**drawn, **ends, "marks": begun, "numbers": numbers, "newest": newest, "text": span.text}


def draw(numbers: Sequence[int]) -> dict[str, Any]:
    """A bar for each number, the most as high as the drawing; what is not 0 can be seen."""
    most = max(numbers, default=0)
    heights = [max(2, round(n * HEIGHT / most)) if n else 0 for n in numbers]
    bars = [{"x": i * STEP, "y": HEIGHT - height, "height": height} for i, height in enumerate(heights) if height]
    return {"bars": bars, "most": most, "sum": sum(numbers), "width": max(1, len(numbers)) * STEP, "height": HEIGHT, "step": STEP}


def marks(attempts: Sequence[AttemptRow], since: int, until: int, width: int) -> list[dict[str, Any]]:
    """Where drivers were started within [since, until) of a drawing so wide, the oldest first."""
    there = [one for one in reversed(attempts) if one.used and since <= one.taken_at < until]
    return [
        {
            "x": round((one.taken_at - since) * width / (until - since), 1),
            "text": f"{at(one.taken_at)}: attempt {one.attempt}, {one.cause} by {one.who}",
        }
        for one in there
    ]


def _newest(manager: Manager, job: str) -> str:
    """The hour of the newest counts, for who looks where there are none; empty if there are none at all."""
    hours = manager.store.hours(job)
    return iso(hours[-1].hour + HOUR_MS) if hours else ""
