"""A sample of closed hours, for when a recount of all lines would take too long."""

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
    """A sample: `scope` has the chosen hours, out of `of` closed hours. The same `seed` chooses the same hours."""

    scope: Scope
    of: int
    seed: int

    def as_dict(self, store: CountStore, result: Result) -> dict[str, Any]:
        """Return the hours, and their share of all landed lines."""
        hours, landed = sorted(self.scope.hours or ()), landed_lines(store, result.job)
        share = result.checked_lines / landed if landed else 0.0
        return {"sample": {"hours": [iso(hour) for hour in hours], "of": self.of, "seed": self.seed, "share": round(share, 5)}}

    def sentence(self, record: dict[str, Any]) -> str:
        """Describe the sample. `record` is the result of its recount."""
        hours, share = record["sample"]["hours"], record["sample"]["share"]
        return f"A sample of {len(hours)} of {self.of} closed hours, {share:.2%} of all lines (--seed {self.seed}): {', '.join(hours)}"


def draw(store: CountStore, job: str, closed_until: int, scope: Scope, n: int, seed: int | None) -> Sample:
    """Choose `n` closed hours of the scope at random; without a seed, with a random one."""
    hours = closed_hours(scope.places(store, job), closed_until)
    seed = secrets.randbelow(2**32) if seed is None else seed
    return Sample(replace(scope, hours=sampled(hours, n, seed)), len(hours), seed)
