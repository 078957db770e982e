"""`weir ledger | recount | fold | validate`: the evidence for the counts."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import typer

from weir.cli.common import FormatOption, JobArgument, Since, Until, opened_store, spec_of, time_of
from weir.output import Format, say, show, show_json
from weir.settings import Settings

if TYPE_CHECKING:
    from weir.counts.recount import Result
    from weir.counts.rules import Rules
    from weir.counts.scope import Scope
    from weir.ports.counts import CountStore
    from weir.ports.source import Source

LEDGER = ("epoch", "batch_id", "state", "lines", "rejected", "late", "landed_at", "attempt", "offsets")


def ledger(
    job: JobArgument,
    last: Annotated[int, typer.Option("--last", min=1, help="How many batches.")] = 20,
    form: FormatOption = Format.TABLE,
) -> None:
    """List a job's batches, newest first: an open claim if there is one, then the landed batches with their offsets.

    Example: weir ledger error_counts --last 5 --format json
    """
    from weir.counts.progress import batches, ledger_row

    with opened_store(Settings.load()) as store:
        rows = [ledger_row(head) for head in islice(batches(store, job), last)]
    show(rows, form, LEDGER if form is Format.TABLE else None, empty=f"{job} has landed nothing yet.")


def recount(
    job: JobArgument,
    since: Since = None,
    until: Until = None,
    sample: Annotated[
        int | None, typer.Option("--sample", metavar="N", min=1, help="Recount only N of the closed hours, chosen at random.")
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="Choose the same hours again.")] = None,
    workers: Annotated[int, typer.Option("--workers", min=0, help="Processes that read the lines; 0 for one for each core.")] = 0,
    form: FormatOption = Format.JSON,
) -> None:
    """Read the lines again from Kafka, count them with code that shares nothing with the job, and compare with the store.

    Recounts everything that has landed by now. Exit code 1 if lines are missing or doubled, or if nothing could be checked. Without a span
    or a sample, an equal result is recorded as proven, and the hourly recount continues from there.

    Example: weir recount error_counts --since 2026-01-31T00:00:00Z
    """
    from weir.counts.proven import behind_restarts
    from weir.counts.proving import prove, set_out
    from weir.counts.recount import recount as count_again
    from weir.counts.scope import Scope
    from weir.counts.tally import cores
    from weir.factory import source_of
    from weir.jobs import versions

    settings = Settings.load()
    spec, source = spec_of(settings, job), source_of(settings)
    scope = Scope(time_of(since, "since"), time_of(until, "until"))
    with opened_store(settings) as store:
        rules = versions.rules(spec, store.versions(job))
        drawn = _drawn(store, source, rules, scope, sample, seed) if sample else None
        goal = set_out(store, job) if scope.everything and drawn is None else None
        if goal is not None:
            scope = Scope(after=goal.base.position, upto=goal.to.position)
        result = count_again(store, source, rules, drawn.scope if drawn else scope, workers or cores())
        told = {**result.as_dict(), **(drawn.as_dict(store, result) if drawn else {})}
        now = int(time.time() * 1000)
        store.put_recount(job, {**told, "at": now})
        found = prove(store, source, rules, goal, [result.part], now) if goal is not None and result.proven else None
        if goal and found and (line := behind_restarts(job, goal, found)):
            store.add_event(job, line)
    if form is Format.JSON:
        show_json(told)
    else:
        show([result.numbers()], form)
    say(result.sentence)
    say(drawn.sentence(told) if drawn else "")
    say(found.sentence(job) if found else "")
    if not result.proven:
        raise typer.Exit(1)


@dataclass(frozen=True)
class Drawn:
    """A sample of the closed hours."""

    scope: Scope
    of: int
    seed: int

    def as_dict(self, store: CountStore, result: Result) -> dict[str, Any]:
        from weir.counts.progress import landed_lines
        from weir.times import iso

        hours, landed = sorted(self.scope.hours or ()), landed_lines(store, result.job)
        share = result.checked_lines / landed if landed else 0.0
        return {"sample": {"hours": [iso(hour) for hour in hours], "of": self.of, "seed": self.seed, "share": round(share, 5)}}

    def sentence(self, told: dict[str, Any]) -> str:
        hours, share = told["sample"]["hours"], told["sample"]["share"]
        return f"A sample of {len(hours)} of {self.of} closed hours, {share:.2%} of all lines (--seed {self.seed}): {', '.join(hours)}"


def _drawn(store: CountStore, source: Source, rules: Rules, scope: Scope, n: int, seed: int | None) -> Drawn:
    """Choose closed hours of the scope at random. Raises UnknownJob."""
    from weir.counts.closed import closed_now
    from weir.counts.progress import head_of
    from weir.counts.scope import closed_hours, sampled

    until = closed_now(head_of(store, rules.job), rules, source, int(time.time() * 1000))
    hours = closed_hours(scope.places(store, rules.job), until)
    seed = secrets.randbelow(2**32) if seed is None else seed
    return Drawn(replace(scope, hours=sampled(hours, n, seed)), len(hours), seed)


def fold(job: JobArgument, form: FormatOption = Format.TABLE) -> None:
    """Fold closed hours that changed, roll up closed days, and delete what was replaced more than ten minutes ago.

    A run is published only if it equals the ledger and meets all expectations. The DAG JOB_fold does the same every 5 minutes.

    Example: weir fold error_counts
    """
    from weir.counts.closed import closed_now
    from weir.counts.folding import GRACE_MS, fold_many, pending, pending_days, roll_up_many, sweep_many, sweepable
    from weir.counts.progress import head_of
    from weir.counts.quality.gate import gate
    from weir.counts.rules import Rules
    from weir.counts.sweep import sweep_rolls
    from weir.factory import source_of
    from weir.times import iso

    settings, now = Settings.load(), int(time.time() * 1000)
    rules = Rules.of(spec_of(settings, job))
    with opened_store(settings) as store:
        until = closed_now(head_of(store, job), rules, source_of(settings), now)
        done = fold_many(store, job, pending(store, job, until), now, gate(rules))
        days = roll_up_many(store, job, pending_days(store, job, until), now)
        swept = sweep_many(store, job, sweepable(store, job, now), now)
        sweep_rolls(store, job, now - GRACE_MS)
    rows = [{"hour": iso(f.at[0]), "shard": f.at[1], "outcome": str(f.outcome), "lines": f.lines, "cells": f.cells} for f in done]
    show(rows, form, empty="No closed hour has changed since it was folded.")
    say(f"{len(days)} days and shards were rolled up" if days else "")
    say(f"{swept} hours and shards were swept" if swept else "")


def validate(job: JobArgument, since: Since = None, until: Until = None, form: FormatOption = Format.TABLE) -> None:
    """Check closed panes with Great Expectations. Exit code 1 if an expectation fails.

    Example: weir validate error_counts
    """
    from weir.counts.quality.pages import address
    from weir.counts.quality.validate import check
    from weir.counts.rules import Rules
    from weir.factory import source_of

    settings = Settings.load()
    rules = Rules.of(spec_of(settings, job))
    span = time_of(since, "since"), time_of(until, "until")
    with opened_store(settings) as store:
        result = check(store, source_of(settings), rules, settings.data_docs, *span)
    show(result.rows(), form)
    say(f"{result.sentence} Docs: {result.docs}, in Airflow: {address(settings.airflow_url, job)}")
    result.raise_if_broken()
