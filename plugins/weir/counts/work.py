"""Fold, validate and recount a job, for Airflow tasks and for commands.

Each function does the work, stores the result, and adds a failure to the job's timeline, with who started it and how.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from weir.counts import unproven
from weir.counts.progress import head_of
from weir.counts.proven import Goal, Part, Proven, behind_restarts
from weir.counts.rules import Rules
from weir.counts.scope import EVERYTHING, NOTHING, Scope
from weir.counts.unproven import Failure, Looked
from weir.errors import NotProven
from weir.ports.timeline import Event

if TYPE_CHECKING:
    from weir.counts.fold import Folded
    from weir.counts.quality.validate import ValidationResult
    from weir.counts.recount import Result
    from weir.counts.rollup import RolledUp
    from weir.counts.sample import Sample
    from weir.counts.store import CountsStore
    from weir.jobs.spec import JobSpec
    from weir.ports.counts import HourShard
    from weir.ports.source import Source

REPEAT_MS = 3_600_000  # between two entries about one failure: folding runs every 5 minutes, and an entry each time would fill the timeline
RECENT = 100  # timeline entries that are searched for it

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class By:
    """Who started the work, and how or why."""

    who: str = "weir"
    reason: str = ""


@dataclass(frozen=True)
class Counts:
    """A job's counts, with everything that work on them needs. `now` in ms."""

    store: CountsStore
    source: Source
    rules: Rules
    now: int
    by: By = By()

    @classmethod
    def of(cls, store: CountsStore, source: Source, spec: JobSpec, now: int, by: By) -> Counts:
        """Open the counts by the spec in force. Raises UnknownJob if the job has not been deployed yet."""
        head_of(store, spec.name)
        return cls(store, source, Rules.of_all(spec, store.versions(spec.name)), now, by)

    @property
    def job(self) -> str:
        return self.rules.job

    @cached_property
    def closed_until(self) -> int:
        """Return the time (ms) up to which panes are closed."""
        from weir.counts.closed import closed_now

        return closed_now(head_of(self.store, self.job), self.rules, self.source, self.now)

    def note(self, kind: str, text: str, detail: Mapping[str, object] | None = None) -> None:
        """Add a failure to the timeline, unless it has the same one from the last hour. An error of the timeline does not hide the
        failure."""
        line = Event(self.now, kind, text, detail or {}, who=self.by.who, reason=self.by.reason)
        try:
            if not any(_same(line, known) for known in self.store.events(self.job, RECENT)):
                self.store.add_event(self.job, line)
        except Exception:
            log.exception("the timeline of %s lacks a line: %s by %s: %s", self.job, kind, self.by.who, text)

    def fails(self, work: str, sentence: str, where: Looked) -> None:
        """Store that a check failed, for health and alerts."""
        self.store.put_unproven(self.job, work, unproven.failed(self._failure(work), self.now, sentence, where).dump())

    def passes(self, work: str, where: Looked, unsure: Collection[int] = ()) -> None:
        """Forget a failed check if the same part of the counts has passed now. `unsure` are hours (ms) that could not be checked whole."""
        before = self._failure(work)
        if before is not None and unproven.passed(before, where, unsure):
            self.store.put_unproven(self.job, work, None)

    def _failure(self, work: str) -> Failure | None:
        text = self.store.unproven(self.job).get(work)
        try:
            return None if text is None else Failure.load(text)
        except (ValueError, KeyError, TypeError):
            return Failure(self.now, self.now, "", Looked())  # of another release: only a check of everything ends it

    @contextmanager
    def noted(self, kind: str) -> Iterator[None]:
        """Record what cannot be proven, and raise it."""
        try:
            yield
        except NotProven as error:
            self.note(kind, error.what)
            raise


def _same(line: Event, known: Event) -> bool:
    return (known.kind, known.text, known.who) == (line.kind, line.text, line.who) and known.at > line.at - REPEAT_MS


def recount(at: Counts, scope: Scope = EVERYTHING, workers: int = 1, sample: Sample | None = None) -> tuple[Result, dict[str, Any]]:
    """Recount a scope or a sample. Return the result, and the record that is stored.

    Raises NotRunning (the broker does not answer), Conflict (the counts were folded repeatedly).
    """
    from weir.counts.recount import LISTED
    from weir.counts.recount import recount as count_again

    result = count_again(at.store, at.source, at.rules, sample.scope if sample else scope, workers)
    record = {**result.as_dict(), **(sample.as_dict(at.store, result) if sample else {})}
    at.store.put_recount(at.job, {**record, "at": at.now})
    looked = Looked.at(sample.scope if sample else scope)
    if not result.exact:
        at.fails("recount", result.sentence, looked.only([d.cell[0] for d in result.differences], LISTED))
    elif sample is None and not scope.barren and result.checked_lines:
        at.passes("recount", looked, result.unsure)
    if failed(result, scope):
        at.note("recount", result.sentence, result.numbers())
    return result, record


def failed(result: Result, scope: Scope) -> bool:
    """Return whether lines are missing or doubled, or nothing could be checked. For a goal, `prove` judges unchecked lines."""
    return not result.exact or (scope.upto == NOTHING and not result.proven)


def prove(at: Counts, goal: Goal, parts: Sequence[Part]) -> Proven:
    """Record how far the counts are proven, if every part of the goal came out equal.

    Raises NotProven if one did not, or if the broker no longer has any of the goal's lines; those count as unchecked from then on.
    """
    from weir.counts import proving

    with at.noted("recount"):
        found = proving.prove(at.store, at.source, at.rules, goal, parts, at.now)
        if found is None:
            raise NotProven(f"{at.job}: some spans did not come out equal. What is proven stays proven.", f"Run: weir recount {at.job}")
        if line := behind_restarts(at.job, goal, found):
            at.store.add_event(at.job, replace(line, who=at.by.who, reason=at.by.reason))
        if found.checked == goal.base.checked and found.lines > goal.base.lines:
            gone = found.lines - goal.base.lines
            raise NotProven(f"{at.job}: {gone} lines landed that the broker no longer has.", "Extend the topic's retention.")
    if found.checked - goal.base.checked == found.lines - goal.base.lines:  # else the broker may have lost the lines that differed
        at.passes("recount", Looked(after=goal.base.position))
    return found


def fold(at: Counts, places: Sequence[HourShard]) -> list[Folded]:
    """Fold hours and shards. Raises NotProven at the end if some are not proven or fail an expectation; all others are published."""
    from weir.counts.folding import fold_many
    from weir.counts.quality.gate import gate

    with at.noted("fold"):
        return fold_many(at.store, at.job, places, at.now, gate(at.rules))


def roll_up(at: Counts, days: Sequence[HourShard]) -> list[RolledUp]:
    """Roll up days and shards. Raises NotProven at the end if some are not proven; all others are published."""
    from weir.counts.folding import roll_up_many

    with at.noted("fold"):
        return roll_up_many(at.store, at.job, days, at.now)


def sweep(at: Counts) -> tuple[int, int]:
    """Delete folded and rolled-up data that no reader needs any more. Return how many hours and shards, and how many old rolls."""
    from weir.counts.folding import GRACE_MS, sweep_many, sweepable
    from weir.counts.sweep import sweep_rolls

    swept = sweep_many(at.store, at.job, sweepable(at.store, at.job, at.now), at.now)
    return swept, sweep_rolls(at.store, at.job, at.now - GRACE_MS)


def validate(at: Counts, docs: str, since: int | None = None, until: int | None = None) -> ValidationResult:
    """Check the expectations; failed ones are in the result. Raises NotProven if there is nothing to check."""
    from weir.counts.quality.validate import check

    with at.noted("validate"):
        result = check(at.store, at.source, at.rules, docs, since, until)
    looked = Looked(*result.span)
    if any(law.rows for law in result.broken):
        at.fails("validate", result.sentence, looked)
    if result.broken:  # of a young job nothing may be closed yet: that proves nothing, in either direction
        at.note("validate", result.sentence)
    else:
        at.passes("validate", looked)
    return result
