"""A sample of closed hours: what a recount of all lines would take too long for."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from weir.counts.progress import landed_lines
from weir.counts.scope import Scope, closed_hours, sampled
from weir.times import iso

if TYPE_CHECKING:
    from weir.counts.recount import Result
    from weir.ports.counts import CountStore


@dataclass(frozen=True)
class Sample:
    """`scope` has the hours that were drawn, of as many closed hours as `of`. The same `seed` draws the same hours."""

    scope: Scope
    of: int
    seed: int

    def as_dict(self, store: CountStore, result: Result) -> dict[str, Any]:
        """The hours, and the share of all landed lines that was counted again in them."""
        hours, landed = sorted(self.scope.hours or ()), landed_lines(store, result.job)
        share = result.checked_lines / landed if landed else 0.0
        return {"sample": {"hours": [iso(hour) for hour in hours], "of": self.of, "seed": self.seed, "share": round(share, 5)}}

    def sentence(self, record: dict[str, Any]) -> str:
        """`record` is what the recount of the sample found."""
        hours, share = record["sample"]["hours"], record["sample"]["share"]
        return f"A sample of {len(hours)} of {self.of} closed hours, {share:.2%} of all lines (--seed {self.seed}): {', '.join(hours)}"


def draw(store: CountStore, job: str, closed_until: int, scope: Scope, n: int, seed: int | None) -> Sample:
    """Draw `n` closed hours from those of the scope; by a seed of its own if there is none."""
    hours = closed_hours(scope.places(store, job), closed_until)
    seed = secrets.randbelow(2**32) if seed is None else seed
    return Sample(replace(scope, hours=sampled(hours, n, seed)), len(hours), seed)
