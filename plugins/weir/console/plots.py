"""The plots of a job's page: one time axis for all, with the same marks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from spark_jobs.counts.cells import HOUR_MS
from weir.console import plot
from weir.console.series import Axis, Values, axis_of, batches_of, errors_of
from weir.counts.times import Span
from weir.times import duration, iso

if TYPE_CHECKING:
    from weir.ports.store import Store
    from weir.supervise.manager import Manager

EVENTS = 200  # timeline entries that are searched for alerts


def errors(manager: Manager[Store], job: str, span: Span) -> dict[str, Any]:
    """Return errors as bars and their rate by service as lines; empty before the first deploy. Raises UnknownJob, NotProven, Conflict."""
    if manager.store.head(job) is None:
        return {}
    axis = axis_of(manager, job, span)
    services = errors_of(manager, job, axis)
    sums = [sum(column) for column in zip(*services.values(), strict=True)] or [0] * axis.windows
    drawn = plot.draw(sums)
    numbers = [
        {"window": iso(start), "n": n, "services": [values[i] for values in services.values()]}
        for i, (start, n) in enumerate(zip(axis.starts(), sums, strict=True))
        if n
    ]
    newest = "" if numbers else _newest(manager, job)
    return {**drawn, **_ends(axis), "rates": rates(services, axis), "numbers": numbers, "newest": newest, "text": span.text}


def rates(services: dict[str, list[int]], axis: Axis) -> dict[str, Any]:
    """Return errors a minute, one line for each service."""
    minutes = axis.width / 60_000
    most = max((n / minutes for values in services.values() for n in values), default=0.0)
    lines = [
        {"name": name, "lines": plot.line([n / minutes for n in values], most), "sum": sum(values), "most": max(values) / minutes}
        for name, values in services.items()
    ]
    return {"most": most, "services": lines}


def batches(manager: Manager[Store], job: str, span: Span) -> dict[str, Any]:
    """Return lag, batch time and watermark as lines; empty before the first deploy. Raises UnknownJob."""
    if manager.store.head(job) is None:
        return {}
    axis = axis_of(manager, job, span)
    found = batches_of(manager, job, axis)
    drawings = {"lag": found.lag, "batch time": found.batch_time, "watermark": found.watermark}
    numbers = [
        {"window": iso(start), "values": values}
        for start, *values in zip(axis.starts(), *drawings.values(), strict=True)
        if any(v is not None for v in values)
    ]
    shapes = {"width": axis.windows * plot.STEP, "height": plot.HEIGHT, "read": found.read, "every": found.every}
    return {**shapes, **_ends(axis), "drawings": {name: drawing(values) for name, values in drawings.items()}, "numbers": numbers}


def drawing(values: Values) -> dict[str, Any]:
    """Return a line with `most` and `last`, which are None if nothing is known."""
    known = [v for v in values if v is not None]
    most = max(known, default=None)
    return {"lines": plot.line(values, most or 0.0), "most": most, "last": known[-1] if known else None}


def marks(manager: Manager[Store], job: str, span: Span) -> Sequence[dict[str, Any]]:
    """Return deploys, other starts and alerts on the axis of the plots. Raises UnknownJob."""
    axis = axis_of(manager, job, span)
    attempts, events = manager.store.attempts(job), manager.store.events(job, EVENTS)
    return plot.marks(attempts, events, axis.since, axis.until, axis.windows * plot.STEP)


def _ends(axis: Axis) -> dict[str, str]:
    return {"since": iso(axis.since), "until": iso(axis.until), "window": duration(axis.width)}


def _newest(manager: Manager[Store], job: str) -> str:
    """Return the end of the newest hour with counts, as a link target for an empty plot; empty if there are no counts."""
    hours = manager.store.hours(job)
    return iso(hours[-1].hour + HOUR_MS) if hours else ""
