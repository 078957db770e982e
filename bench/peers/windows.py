"""The windows that a peer must find: the panes of the generator's truth, three to a window."""

from __future__ import annotations

from collections import Counter

from drill.generator import Truth

SIZE_MS = 30_000
Cell = tuple[int, str, str, int]  # window start (ms), service, level, lines


def windows(truth: Truth) -> list[Cell]:
    """Return the counts of all windows with lines, sorted. A window slides by one pane, and the first ones begin before the first pane."""
    found: Counter[tuple[int, str, str]] = Counter()
    for (pane_ms, service, level, _), lines in truth.panes.items():
        for start_ms in range(pane_ms + truth.pane_ms - SIZE_MS, pane_ms + 1, truth.pane_ms):
            found[start_ms, service, level] += lines
    return [(*key, lines) for key, lines in sorted(found.items())]
