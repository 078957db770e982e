"""Fold, validate and recount as tasks, in pieces that any worker may do, also twice or at the same time."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow.sdk.definitions.context import Context
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from weir.airflow.operators.base import JobOperator, final, form, who
from weir.airflow.operators.links import DataDocsLink, docs_of
from weir.airflow.operators.spans import Span, as_span, scope_of, told, told_span
from weir.airflow.session import opened, settings

if TYPE_CHECKING:
    from weir.counts.work import Counts

PLACES = 32  # hours and shards that one task folds: seconds of work
DAYS = 16  # days and shards that one task rolls up: each reads 24 hour roll-ups
BATCHES = 500  # of one run, oldest first; Airflow maps at most 1,024


@contextmanager
def counts_of(job: str, context: Context) -> Iterator[Counts]:
    """Return the counts of a job by its spec in force. Skips the task if the job has not been deployed yet."""
    from weir.counts.work import By, Counts
    from weir.factory import source_of

    with final(), opened() as manager:
        spec = manager.spec(job)
        if manager.store.head(job) is None:
            raise AirflowSkipException(f"{job} has not been deployed yet: it has no counts.")
        by = By(who(context), f"run {context['dag_run'].run_id}")
        yield Counts.of(manager.store, source_of(settings()), spec, int(time.time() * 1000), by)


class PendingOperator(JobOperator):
    """Lists the closed hours and shards that changed since they were folded, in batches for mapped tasks."""

    def execute(self, context: Context) -> list[list[list[int]]]:
        from weir.counts.folding import in_batches, pending

        with counts_of(self.job, context) as at:
            places = pending(at.store, self.job, at.closed_until)
        self.log.info("%s: %d hours and shards are to be folded", self.job, len(places))
        return [[list(place) for place in batch] for batch in in_batches(places, PLACES)[:BATCHES]]


class FoldOperator(JobOperator):
    """Folds a batch of hours and shards. What cannot be proven, or fails an expectation, is not published and fails the task."""

    operator_extra_links = (DataDocsLink(),)

    def __init__(self, *, places: Sequence[Sequence[int]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.places = places

    @property
    def label(self) -> str:
        return told(self.places[0][0], self.places[-1][0])

    def execute(self, context: Context) -> dict[str, int]:
        from weir.counts import work

        with counts_of(self.job, context) as at:
            done = work.fold(at, [(hour, shard) for hour, shard in self.places])
        outcomes = [str(folded.outcome) for folded in done]
        self.log.info("%s: %s", self.job, {outcome: outcomes.count(outcome) for outcome in sorted(set(outcomes))})
        return {"places": len(done), "lines": sum(folded.lines for folded in done), "cells": sum(folded.cells for folded in done)}


class PendingDaysOperator(JobOperator):
    """Lists the closed days and shards whose hours are all folded and that are not rolled up, in batches for mapped tasks."""

    def execute(self, context: Context) -> list[list[list[int]]]:
        from weir.counts.folding import in_batches, pending_days

        with counts_of(self.job, context) as at:
            days = pending_days(at.store, self.job, at.closed_until)
        self.log.info("%s: %d days and shards are to be rolled up", self.job, len(days))
        return [[list(day) for day in batch] for batch in in_batches(days, DAYS)[:BATCHES]]


class RollUpOperator(JobOperator):
    """Rolls up a batch of days and shards. What cannot be proven is not published and fails the task with the sums."""

    def __init__(self, *, days: Sequence[Sequence[int]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.days = days

    @property
    def label(self) -> str:
        return told(self.days[0][0], self.days[-1][0])

    def execute(self, context: Context) -> dict[str, int]:
        from weir.counts import work

        with counts_of(self.job, context) as at:
            done = work.roll_up(at, [(day, shard) for day, shard in self.days])
        self.log.info("%s: %s", self.job, {str(one.outcome) for one in done})
        return {"days": len(done), "lines": sum(one.lines for one in done), "kinds": sum(one.kinds for one in done)}


class SweepOperator(JobOperator):
    """Deletes deltas and runs that were folded or rolled up and that no reader needs any more."""

    def execute(self, context: Context) -> int:
        from weir.counts import work

        with counts_of(self.job, context) as at:
            swept, rolls = work.sweep(at)
        self.log.info("%s: %d hours and shards were swept, and %d old rolls", self.job, swept, rolls)
        return swept


class SpansOperator(JobOperator):
    """Lists the spans to recount: that of the form, or the hours that batches wrote to after what is proven.

    Its XCom `goal` is what is proven if all spans come out equal; empty for a form.
    """

    def execute(self, context: Context) -> list[Span]:
        from weir.counts.proving import scopes, set_out
        from weir.counts.scope import Scope
        from weir.times import parse_time

        since, until = form(context, "since"), form(context, "until")
        with counts_of(self.job, context) as at:
            if since or until:
                context["ti"].xcom_push(key="goal", value={})
                from_to = (parse_time(text, name) if text else None for name, text in (("since", since), ("until", until)))
                return [as_span(Scope(next(from_to), next(from_to)))]
            goal = set_out(at.store, self.job)
            spans = [as_span(scope) for scope in scopes(at.store, self.job, goal)] if goal else []
        context["ti"].xcom_push(key="goal", value=replace(goal, parts=len(spans)).as_dict() if goal else {})
        return spans


class RecountOperator(JobOperator):
    """Recounts a span: reads its lines again from Kafka, counts them independently, compares. Missing or doubled lines fail the task.

    It reads in one process; the spans are spread over workers.
    """

    operator_extra_links = (DataDocsLink(),)

    def __init__(self, *, span: Span, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.span = span

    @property
    def label(self) -> str:
        return told_span(self.span)

    def execute(self, context: Context) -> dict[str, Any]:
        from weir.counts import work

        scope = scope_of(self.span)
        with counts_of(self.job, context) as at:
            result, record = work.recount(at, scope)
        context["ti"].xcom_push(key="recount", value=record)
        if work.failed(result, scope):
            raise AirflowFailException(result.sentence)
        self.log.info(result.sentence)
        return {**result.numbers(), "part": result.part.as_dict()}


class ProveOperator(JobOperator):
    """Records how far the counts are proven. Runs only if every span of the goal came out equal."""

    template_fields: Sequence[str] = ("job", "goal", "recounts")

    def __init__(self, *, goal: Any, recounts: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.goal, self.recounts = goal, recounts

    def execute(self, context: Context) -> dict[str, Any]:
        from weir.counts import work
        from weir.counts.proven import Goal, Part

        if not self.goal:
            raise AirflowSkipException("A run by form proves only its span.")
        goal, parts = Goal.of(self.goal), [Part.of(one["part"]) for one in self.recounts]
        with counts_of(self.job, context) as at:
            found = work.prove(at, goal, parts)
        self.log.info(found.sentence(self.job))
        return {"lines": found.lines, "checked": found.checked}


class ValidateOperator(JobOperator):
    """Checks the expectations on closed panes. A failed expectation fails the task, and so does having nothing to check."""

    operator_extra_links = (DataDocsLink(),)

    def execute(self, context: Context) -> dict[str, Any]:
        from weir.counts import work

        with counts_of(self.job, context) as at:
            result = work.validate(at, settings().data_docs)
            result = replace(result, docs=docs_of(self.job) if result.docs else "")
            context["ti"].xcom_push(key="validation", value=result.rows())
            result.raise_if_broken()
        self.log.info("%s Docs: %s", result.sentence, result.docs)
        return {"sentence": result.sentence, "docs": result.docs}
