"""Compute inline SVG drawings: bars, lines and sparklines by window, with marks for events. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from weir.counts.times import at
from weir.ports.attempts import AttemptRow
from weir.ports.timeline import Event

STEP, HEIGHT = 10, 100  # of the drawing's own units: a window is STEP wide
SPARK = 20  # the height of a sparkline


def draw(numbers: Sequence[int]) -> dict[str, Any]:
    """Return a bar for each number. The largest fills the height; every number above 0 is visible."""
    most = max(numbers, default=0)
    heights = [max(2, round(n * HEIGHT / most)) if n else 0 for n in numbers]
    bars = [{"x": i * STEP, "y": HEIGHT - height, "height": height} for i, height in enumerate(heights) if height]
    return {"bars": bars, "most": most, "sum": sum(numbers), "width": max(1, len(numbers)) * STEP, "height": HEIGHT, "step": STEP}


def line(values: Sequence[float | None], most: float) -> list[str]:
    """Return the points of polylines, one point in the middle of each window, broken where a value is unknown. `most` is the top."""
    points = [
        None if v is None else f"{i * STEP + STEP // 2},{round(HEIGHT * (1 - v / most), 1) if most else HEIGHT}"
        for i, v in enumerate(values)
    ]
    return runs(points)


def marks(attempts: Sequence[AttemptRow], events: Sequence[Event], since: int, until: int, width: int) -> list[dict[str, Any]]:
    """Return the marks in [since, until) on a drawing of that width, oldest first: deploys, other starts of drivers, alerts."""
    starts = [
        (one.taken_at, "deploy" if one.cause == "deploy" else "start", f"attempt {one.attempt}, {one.cause} by {one.who}")
        for one in attempts
        if one.used
    ]
    alerts = [(event.at, "alert", event.text) for event in events if event.kind == "alert"]
    there = sorted(mark for mark in [*starts, *alerts] if since <= mark[0] < until)
    return [
        {"x": round((moment - since) * width / (until - since), 1), "kind": kind, "text": f"{at(moment)}: {text}"}
        for moment, kind, text in there
    ]


def sparkline(values: Sequence[int | None]) -> dict[str, Any]:
    """Return a sparkline, with one polyline for each run of known values. Empty if nothing is known."""
    known = [n for n in values if n is not None]
    if not known:
        return {}
    most = max(known)
    points = [None if n is None else f"{i},{round(SPARK * (1 - n / most), 1) if most else SPARK}" for i, n in enumerate(values)]
    return {
        "lines": runs(points),
        "sum": sum(known),
        "most": most,
        "known": len(known),
        "of": len(values),
        "width": max(1, len(values) - 1),
        "height": SPARK,
    }


def runs(points: Sequence[str | None]) -> list[str]:
    """Return the `points` of polylines, broken where a point is None. A point without neighbours is drawn, too."""
    lines: list[list[str]] = [[]]
    for point in points:
        if point is None:
            lines.append([])
        else:
            lines[-1].append(point)
    return [" ".join(line if len(line) > 1 else line * 2) for line in lines if line]
