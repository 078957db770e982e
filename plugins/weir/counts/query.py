"""`weir counts` as a function: windowed counts, read at one consistent moment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from spark_jobs.contract import HOUR_MS, hour_of
from weir.cluster.base import CountStore
from weir.counts.panes import Windows, compose, filled, iso, parse_time, windows
from weir.counts.progress import head_of
from weir.counts.read import snapshot
from weir.errors import BadInput
from weir.settings import Settings

DIMENSIONS = ("service", "level", "signature")
ALL = ("all",)
Key = tuple[str, ...]


@dataclass(frozen=True)
class Question:
    """What to count. Times in ms; `levels` may be ALL; `closed_until` leaves out windows that end later; `fill` lists empty ones as 0."""

    shape: Windows
    since: int | None = None
    until: int | None = None
    by: Sequence[str] = DIMENSIONS
    levels: Sequence[str] = ("error",)
    closed_until: int | None = None
    fill: bool = False

    def __post_init__(self) -> None:
        for name in self.by:
            if name not in DIMENSIONS:
                raise BadInput(f"by: there is no dimension {name!r}.", f"Choose from {', '.join(DIMENSIONS)}, or none.")
        if self.since is not None and self.until is not None and self.until <= self.since:
            raise BadInput(
                f"until: {iso(self.until)} is not after since, {iso(self.since)}.", "A window is listed if it begins in between."
            )

    @property
    def until_window(self) -> int | None:
        """The windows that are listed begin before this."""
        last = None if self.closed_until is None else self.closed_until - self.shape.width + 1
        return min((t for t in (self.until, last) if t is not None), default=None)


def counts(store: CountStore, job: str, question: Question) -> list[dict[str, Any]]:
    """Rows with `window_start` and `window_end` (ISO 8601), the dimensions of `question.by`, and `n`; in order. Raises UnknownJob."""
    panes = _panes(store, job, question)
    sums = compose(panes, question.shape, question.since, question.until_window)
    if question.fill:
        sums = filled(sums, _keys(sums, question), _starts(sums, question))
    return [
        {"window_start": iso(start), "window_end": iso(start + question.shape.width), **dict(zip(question.by, key, strict=True)), "n": n}
        for (start, key), n in sorted(sums.items())
    ]


def _panes(store: CountStore, job: str, question: Question) -> Counter[tuple[int, Key]]:
    """Counts by pane and the chosen dimensions, of all hours that the windows reach into."""
    since = None if question.since is None else hour_of(question.since)
    until = None if question.until_window is None else question.until_window + question.shape.width
    head_of(store, job)
    places = [(t.hour, t.shard) for t in store.hours(job, since, until)]
    chosen = [DIMENSIONS.index(name) for name in question.by]
    panes: Counter[tuple[int, Key]] = Counter()
    for cells in snapshot(store, job, places).cells.values():
        for (pane_start, *values), n in cells.items():
            if question.levels == ALL or values[1] in question.levels:
                panes[pane_start, tuple(values[i] for i in chosen)] += n
    return panes


def _keys(sums: dict[tuple[int, Key], int], question: Question) -> set[Key]:
    """The rows of each window: those that occur anywhere, and those that were asked for by name."""
    named = {(level,) for level in question.levels} if tuple(question.by) == ("level",) and question.levels != ALL else set()
    return {key for _, key in sums} | named | ({()} if not question.by else set())


def _starts(sums: dict[tuple[int, Key], int], question: Question) -> range:
    found = [start for start, _ in sums]
    since = question.since if question.since is not None else min(found, default=0)
    until = question.until_window if question.until_window is not None else max(found, default=-1) + 1
    return question.shape.between(since, until)


def sample_counts(settings: Settings, service: str) -> list[dict[str, Any]]:
    """Lines of the shipped sample by level: what `weir up` shows first. It is dated January 2026."""
    from weir.cluster.cassandra import CassandraStore, address

    day = 24 * HOUR_MS
    question = Question(windows(day, day, day), parse_time("2026-01-01"), parse_time("2026-02-01"), by=("service", "level"), levels=ALL)
    store = CassandraStore.connect(address(settings), patience_s=10.0)
    try:
        levels: Counter[str] = Counter()
        for row in counts(store, "error_counts", question):
            levels[row["level"]] += row["n"] * (row["service"] == service)
    finally:
        store.session.close()
    return [{"service": service, "level": level, "n": n} for level, n in sorted(levels.items()) if n]
