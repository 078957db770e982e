"""Format times for pages, and parse them from addresses. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from weir.errors import BadInput
from weir.times import iso, parse_duration, parse_time

WINDOWS = tuple(map(parse_duration, ("10s", "30s", "1m", "5m", "15m", "30m", "1h", "3h", "6h", "12h", "1d", "7d")))
MOST = 96  # windows of a plot: more would be too narrow to see
CHOICES = ("1h", "6h", "24h", "7d")


@dataclass(frozen=True)
class Span:
    """A span [since, until) in ms, with its text in the address."""

    since: int
    until: int
    text: str

    def window(self, pane: int) -> int:
        """Return the width of a plot's windows (ms): a multiple of the pane, so that at most MOST of them cover the span."""
        least = -(-(self.until - self.since) // MOST)
        return next((w for w in WINDOWS if w % pane == 0 and w >= least), -(-least // pane) * pane)


def span_of(since: str, until: str, now: int) -> Span:
    """Parse a span. `since` is a duration that ends now, or a time; `until` is a time, or empty for now. Raises BadInput."""
    end = parse_time(until, "until") if until else now
    text = since.strip() or "24h"
    begin = end - parse_duration(text, "since") if text[-1:].isalpha() and not text.endswith("Z") else parse_time(text, "since")
    if begin >= end:
        raise BadInput(f"since: {at(begin)} is not before {at(end)}.", "Give an earlier time, or a duration such as 24h.")
    return Span(begin, end, text)


def at(moment: int) -> str:
    """Format a time (ms) to the second; empty for none."""
    return iso(moment // 1000 * 1000) if moment else ""


def bare(text: str) -> str:
    """Return an ISO 8601 time without its milliseconds."""
    return re.sub(r"\.\d{3}Z$", "Z", text)
