"""Panes and windows as arithmetic: no I/O, no clock. All times are whole milliseconds since the Unix epoch (UTC), intervals half open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from weir.errors import BadInput
from weir.times import duration

K = TypeVar("K")
MOST_WINDOWS = 1_000_000  # the most rows that --fill may add


@dataclass(frozen=True)
class Windows:
    """Windows of `width` that begin at every multiple of `slide`. Both are multiples of the pane, so a window is a sum of panes."""

    width: int
    slide: int

    def starts(self, pane_start: int) -> range:
        """Return the starts of all windows that contain a pane, in order."""
        first = (pane_start - self.width) // self.slide * self.slide + self.slide
        return range(first, pane_start + 1, self.slide)

    def between(self, since: int, until: int) -> range:
        """Return the starts of all windows that begin in [since, until)."""
        return range(-(-since // self.slide) * self.slide, until, self.slide)


def windows(width: int, slide: int, pane: int) -> Windows:
    """Parse the options of windows. Raises BadInput with the violated rule."""
    for name, value in (("window", width), ("slide", slide)):
        if value <= 0 or value % pane:
            raise BadInput(f"{name}: {duration(value)} is not valid.", f"It must be a multiple of the pane, {duration(pane)}.")
    if slide > width:
        raise BadInput(f"slide: {duration(slide)} is longer than the window, {duration(width)}.", "Lines in between would be left out.")
    return Windows(width, slide)


def compose(panes: Mapping[tuple[int, K], int], shape: Windows, since: int | None, until: int | None) -> dict[tuple[int, K], int]:
    """Sum panes by (window start, key) for the windows that begin in [since, until). `panes` has counts by (pane start, key)."""
    sums: Counter[tuple[int, K]] = Counter()
    for (pane_start, key), n in panes.items():
        for start in shape.starts(pane_start):
            if (since is None or start >= since) and (until is None or start < until):
                sums[start, key] += n
    return dict(sums)


def filled(sums: Mapping[tuple[int, K], int], keys: Iterable[K], starts: range) -> dict[tuple[int, K], int]:
    """Add 0 for each window and key without lines. Raises BadInput if the result would be too large."""
    keys = list(keys)
    if len(starts) * len(keys) > MOST_WINDOWS:
        raise BadInput(
            f"fill: {len(starts)} windows times {len(keys)} rows are more than {MOST_WINDOWS}.", "Ask for less time or wider windows."
        )
    return {**{(start, key): 0 for start in starts for key in keys}, **sums}
