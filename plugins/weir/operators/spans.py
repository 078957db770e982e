"""Spans of hours, for tasks that are mapped over them."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import takewhile
from typing import TYPE_CHECKING

from spark_jobs.contract import HOUR_MS

if TYPE_CHECKING:
    from weir.cluster.base import CountStore

Span = dict[str, int | None]  # since and until, in ms; None for open
LONGEST_MS = 24 * HOUR_MS


def recent(store: CountStore, job: str, closed_until: int, landed_since: int) -> list[Span]:
    """The closed hours that batches wrote to since a moment (ms), joined to spans."""
    from weir.counts.progress import batches

    new = takewhile(lambda head: not head.landed_at or head.landed_at >= landed_since, batches(store, job))
    oldest = min(((head.by, head.batch_id) for head in new), default=None)
    if oldest is None:
        return []
    return joined(t.hour for t in store.hours(job) if t.position >= oldest and t.hour + HOUR_MS <= closed_until)


def joined(hours: Iterable[int]) -> list[Span]:
    """Hours that follow one another as one span, of a day at most."""
    spans: list[tuple[int, int]] = []
    for hour in sorted(set(hours)):
        if spans and spans[-1][1] == hour and hour - spans[-1][0] < LONGEST_MS:
            spans[-1] = spans[-1][0], hour + HOUR_MS
        else:
            spans.append((hour, hour + HOUR_MS))
    return [{"since": since, "until": until} for since, until in spans]


def told(since: int | None, until: int | None) -> str:
    """A span as a label that people read."""
    from weir.counts.panes import iso

    return f"{iso(since) if since is not None else 'the beginning'} to {iso(until) if until is not None else 'now'}"
