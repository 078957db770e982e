"""Judge whether lines fit the format that a job reads, before they are sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from weir.counts.lines import Parse

NO_REJECTS = frozenset(("continuation",))  # counted on their own
MOST = 0.5  # above this share of rejected lines, the format is most likely another one


@dataclass(frozen=True)
class Fit:
    """How some lines would be read: how many there are, how many would be rejected by reason, and the first of these."""

    lines: int
    reasons: Mapping[str, int]
    first: bytes = b""

    @property
    def rejected(self) -> int:
        return sum(n for reason, n in self.reasons.items() if reason not in NO_REJECTS)

    @property
    def misfits(self) -> bool:
        """Return whether most lines would be rejected."""
        return self.rejected > MOST * self.lines


def fit(lines: Iterable[bytes], parse: Parse, now_ms: int) -> Fit:
    """Parse lines as the recount does, as if they arrived now."""
    seen, reasons, first = 0, Counter[str](), b""
    for line in lines:
        seen += 1
        taken = parse(line, now_ms)
        if isinstance(taken, str):
            first = first if reasons or taken in NO_REJECTS else line
            reasons[taken] += 1
    return Fit(seen, dict(reasons), first)
