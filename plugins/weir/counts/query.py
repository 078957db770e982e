"""`weir counts` as a function: windowed counts, read at one consistent moment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from spark_jobs.counts.cells import DAY_MS, HOUR_MS, hour_of
from weir.counts.panes import Windows, compose, filled, windows
from weir.counts.read import Grain, Reading, read_span
from weir.errors import BadInput
from weir.ports.counts import CountStore
from weir.times import iso, parse_duration, parse_time

DIMENSIONS = ("service", "level", "signature")
ALL = ("all",)
Key = tuple[str, ...]


@dataclass(frozen=True)
class Question:
    """A query of counts. Times are in ms.

    `levels` may be ALL. `services` are names, empty for all; `signature` is a part of a signature, empty for any. `closed_until` leaves out
    windows that end later. `fill` lists empty windows as 0.
    """

    shape: Windows
    since: int | None = None
    until: int | None = None
    by: Sequence[str] = DIMENSIONS
    levels: Sequence[str] = ("error",)
    services: Sequence[str] = ()
    signature: str = ""
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

    def holds(self, service: str, level: str, signature: str) -> bool:
        """Return whether lines of these values are counted."""
        return (
            (self.levels == ALL or level in self.levels) and (not self.services or service in self.services) and self.signature in signature
        )

    @property
    def until_window(self) -> int | None:
        """Return the time before which the listed windows begin."""
        last = None if self.closed_until is None else self.closed_until - self.shape.width + 1
        return min((t for t in (self.until, last) if t is not None), default=None)

    @property
    def grain(self) -> Grain:
        """Return the coarsest grain from which all windows can be summed."""
        fits = (grain for grain in (Grain.DAY, Grain.HOUR) if self.shape.width % grain == self.shape.slide % grain == 0)
        return next(fits, Grain.PANE)

    @property
    def reach(self) -> tuple[int | None, int | None]:
        """Return the span that the listed windows cover: from the start of the first to the end of the last one."""
        width, slide, until = self.shape.width, self.shape.slide, self.until_window
        first = None if self.since is None else hour_of(-(-self.since // slide) * slide)
        return first, None if until is None else (until - 1) // slide * slide + width


def question(window: str, slide: str, by: str, levels: str, pane: int) -> Question:
    """Parse the text options of a query: durations, and names separated by commas; `by` may be none. Raises BadInput."""
    width = parse_duration(window, "window")
    shape = windows(width, parse_duration(slide, "slide") if slide else width, pane)
    return Question(shape, by=_names(by, "none"), levels=tuple(level.lower() for level in _names(levels, "")))


def recent(asked: Question, now: int) -> Question:
    """Return the question of the last hour up to `now` (ms), or of as many whole windows as cover it."""
    span = max(HOUR_MS, asked.shape.width)
    return replace(asked, since=(now - span) // asked.shape.slide * asked.shape.slide)


def _names(text: str, nothing: str) -> tuple[str, ...]:
    return () if text.strip() in ("", nothing) else tuple(name.strip() for name in text.split(","))


def counts(store: CountStore, job: str, question: Question, explain: Callable[[str], None] = lambda text: None) -> list[dict[str, Any]]:
    """Yield rows with `window_start` and `window_end` (ISO 8601), the dimensions of `question.by`, and `n`, in order.

    Calls `explain` with a description of what was read. Raises UnknownJob.
    """
    return [
        {"window_start": iso(start), "window_end": iso(start + question.shape.width), **dict(zip(question.by, key, strict=True)), "n": n}
        for (start, key), n in sorted(summed(store, job, question, explain).items())
    ]


def summed(
    store: CountStore, job: str, question: Question, explain: Callable[[str], None] = lambda text: None
) -> dict[tuple[int, Key], int]:
    """Return the same as numbers: by the window's start (ms) and the values of `question.by`."""
    since, until = question.reach
    reading = read_span(store, job, since, until, question.grain)
    explain(reading.sentence)
    sums = compose(_panes(reading, question), question.shape, question.since, question.until_window)
    if question.fill:
        sums = filled(sums, _keys(sums, question), _starts(sums, question))
    return sums


def _panes(reading: Reading, question: Question) -> Counter[tuple[int, Key]]:
    """Return counts by start and the chosen dimensions. Cells of an hour or a day can be used like panes, since no window begins or ends
    within them. If windows do not overlap, each is summed at once: a day has thousands of panes."""
    chosen = [DIMENSIONS.index(name) for name in question.by]
    step = question.shape.width if question.shape.width == question.shape.slide else 1
    panes: Counter[tuple[int, Key]] = Counter()
    for cells in reading.cells.values():
        for (start, *values), n in cells.items():
            if question.holds(*values):
                panes[start - start % step, tuple(values[i] for i in chosen)] += n
    return panes


def _keys(sums: dict[tuple[int, Key], int], question: Question) -> set[Key]:
    """Return the keys of each window: those that occur anywhere, and those that were requested by name."""
    named = {(level,) for level in question.levels} if tuple(question.by) == ("level",) and question.levels != ALL else set()
    return {key for _, key in sums} | named | ({()} if not question.by else set())


def _starts(sums: dict[tuple[int, Key], int], question: Question) -> range:
    found = [start for start, _ in sums]
    since = question.since if question.since is not None else min(found, default=0)
    until = question.until_window if question.until_window is not None else max(found, default=-1) + 1
    return question.shape.between(since, until)


def sample_counts(store: CountStore, service: str) -> list[dict[str, Any]]:
    """Return the lines of the shipped sample by level, which `weir up` shows first. It is dated January 2026."""
    january = parse_time("2026-01-01"), parse_time("2026-02-01")
    question = Question(windows(DAY_MS, DAY_MS, DAY_MS), *january, by=("service", "level"), levels=ALL)
    levels: Counter[str] = Counter()
    for row in counts(store, "error_counts", question):
        levels[row["level"]] += row["n"] * (row["service"] == service)
    return [{"service": service, "level": level, "n": n} for level, n in sorted(levels.items()) if n]
