"""Checks of counts that failed, until the same lines pass: no I/O, no clock.

A failed recount or validation is kept with the part of the counts that it looked at. It is over when a check of the same kind has looked at
all of that and found nothing: a check of something else proves nothing about it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from spark_jobs.counts.cells import HOUR_MS, hour_of
from spark_jobs.protocol.head import Position
from weir.counts.scope import NOTHING, Scope
from weir.ports.reports import UNPROVEN
from weir.supervise.judge.concern import Concern
from weir.times import iso

KIND = "unproven"


@dataclass(frozen=True)
class Looked:
    """The part of the counts that a check looked at: panes in [since, until) in ms, None for no bound, of batches after a position."""

    since: int | None = None
    until: int | None = None
    after: Position = NOTHING

    @classmethod
    def at(cls, scope: Scope) -> Looked:
        hours = sorted(scope.hours) if scope.hours else []
        since = hours[0] if hours else scope.since
        return cls(since, hours[-1] + HOUR_MS if hours else scope.until, scope.after)

    def covers(self, other: Looked) -> bool:
        """Return whether all of the other part was looked at, too."""
        begins = self.since is None or (other.since is not None and self.since <= other.since)
        ends = self.until is None or (other.until is not None and self.until >= other.until)
        return begins and ends and self.after <= other.after

    def with_(self, other: Looked) -> Looked:
        """Return the smallest part that covers both."""
        since = None if self.since is None or other.since is None else min(self.since, other.since)
        until = None if self.until is None or other.until is None else max(self.until, other.until)
        return Looked(since, until, min(self.after, other.after))

    def only(self, panes: Sequence[int], most: int) -> Looked:
        """Return the hours of these panes (ms); the whole part if there may be more than `most`, or if one is of rejected lines: 0."""
        if not panes or len(panes) >= most or min(panes) <= 0:
            return self
        return replace(self, since=hour_of(min(panes)), until=hour_of(max(panes)) + HOUR_MS)

    def has(self, hour: int) -> bool:
        """Return whether an hour (ms) is of this part."""
        return (self.since is None or hour + HOUR_MS > self.since) and (self.until is None or hour < self.until)

    @property
    def options(self) -> str:
        """Return the options of a command that looks at this part."""
        bounds = (("--since", self.since), ("--until", self.until))
        return "".join(f" {name} {iso(bound)}" for name, bound in bounds if bound is not None)


@dataclass(frozen=True)
class Failure:
    """A failed check: since when (ms), what was found last, and where."""

    since: int
    at: int
    sentence: str
    where: Looked

    def dump(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def load(cls, text: str) -> Failure:
        values = json.loads(text)
        where = values.pop("where")
        return cls(**values, where=Looked(where["since"], where["until"], (where["after"][0], where["after"][1])))


def failed(before: Failure | None, now: int, sentence: str, where: Looked) -> Failure:
    """Return the failure after a failed check: one that goes on keeps its beginning, and grows by what was looked at."""
    if before is None:
        return Failure(now, now, sentence, where)
    return replace(before, at=now, sentence=sentence, where=before.where.with_(where))


def passed(before: Failure, where: Looked, unsure: Collection[int] = ()) -> bool:
    """Return whether a failure is over after a check of this part found nothing. In `unsure` hours (ms) it could not see all: a difference
    there may only have become invisible, as the broker no longer has its lines."""
    return where.covers(before.where) and not any(before.where.has(hour) for hour in unsure)


def concerns(job: str, records: Mapping[str, str]) -> list[Concern]:
    """Return the failed checks among a snapshot's records. One that cannot be read is shown as such."""
    return [_concern(job, name.removeprefix(UNPROVEN), text) for name, text in sorted(records.items()) if name.startswith(UNPROVEN)]


def _concern(job: str, work: str, text: str) -> Concern:
    try:
        failure = Failure.load(text)
    except (ValueError, KeyError, TypeError):
        return Concern(
            KIND, (work,), 0, f"{job}: a failed {work} is stored in a form that this release cannot read", f"weir {work} {job}", "critical"
        )
    step = f"weir {work} {job}{failure.where.options}; see docs/runbook.md#unproven"
    return Concern(KIND, (work,), failure.since, failure.sentence, step, "critical")
