"""`weir ledger | recount | fold | validate`: the evidence for the counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Annotated, Any
from urllib.parse import unquote

import typer

from weir.cli.common import FormatOption, JobArgument, Since, Until, Wide, known, opened_counts, opened_store, time_of
from weir.jobs.kinds import Capability
from weir.output import Format, say, show, show_json
from weir.settings import Settings

FIRST_FILES = 3
LANDED = ("epoch", "batch_id", "state", "lines", "rows", "landed_at", "attempt", "offsets")
LEDGER = ("epoch", "batch_id", "state", "lines", "rejected", "late", "landed_at", "attempt", "offsets")


def ledger(
    job: JobArgument,
    last: Annotated[int, typer.Option("--last", min=1, help="How many batches.")] = 20,
    wide: Wide = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """List a job's batches, newest first: an open claim if there is one, then the landed batches with their offsets.

    Example: weir ledger error_counts --last 5 --format json
    """
    from weir.counts.progress import batches, ledger_row

    settings = Settings.load()
    with opened_store(settings) as store:
        known(settings, store, job, Capability.LANDS)
        rows = [ledger_row(head) for head in islice(batches(store, job), last)]
    columns = LANDED if any("rows" in row for row in rows) else LEDGER
    if form is Format.TABLE and any("files" in row for row in rows):
        columns, rows = (*columns, "files"), [{**row, "files": _first_names(row.get("files", []))} for row in rows]
    show(rows, form, columns if form is Format.TABLE else None, empty=f"{job} has landed nothing yet.", wide=wide)


def _first_names(files: Sequence[Mapping[str, Any]]) -> str:
    """Return how many files a batch has, and the names of the first ones; all are in the JSON."""
    names = ", ".join(unquote(file["path"].rpartition("/")[2]) for file in files[:FIRST_FILES])
    return f"{len(files)}: {names}{', ...' if len(files) > FIRST_FILES else ''}" if files else ""


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
    from weir.counts import work
    from weir.counts.proving import set_out
    from weir.counts.sample import draw
    from weir.counts.scope import Scope
    from weir.counts.tally import cores

    scope = Scope(time_of(since, "since"), time_of(until, "until"))
    with opened_counts(job, Capability.RECOUNTS) as at:
        drawn = draw(at.store, job, at.closed_until, scope, sample, seed) if sample else None
        goal = set_out(at.store, job) if scope.everything and drawn is None else None
        if goal is not None:
            scope = Scope(after=goal.base.position, upto=goal.to.position)
        result, record = work.recount(at, scope, workers or cores(), drawn)
        if form is Format.JSON:
            show_json(record)
        else:
            show([result.numbers()], form)
        say(result.sentence)
        say(drawn.sentence(record) if drawn else "")
        if work.failed(result, scope):
            raise typer.Exit(1)
        if goal is not None:
            say(work.prove(at, goal, [result.part]).sentence(job))


def fold(job: JobArgument, form: FormatOption = Format.TABLE) -> None:
    """Fold closed hours that changed, roll up closed days, and delete what was replaced more than ten minutes ago.

    A run is published only if it equals the ledger and meets all expectations. The DAG JOB_fold does the same every 5 minutes.

    Example: weir fold error_counts
    """
    from weir.counts import work
    from weir.counts.folding import pending, pending_days
    from weir.times import iso

    with opened_counts(job, Capability.FOLDS) as at:
        done = work.fold(at, pending(at.store, job, at.closed_until))
        days = work.roll_up(at, pending_days(at.store, job, at.closed_until))
        swept, _ = work.sweep(at)
    rows = [{"hour": iso(f.at[0]), "shard": f.at[1], "outcome": str(f.outcome), "lines": f.lines, "cells": f.cells} for f in done]
    show(rows, form, empty="No closed hour has changed since it was folded.")
    say(f"{len(days)} days and shards were rolled up" if days else "")
    say(f"{swept} hours and shards were swept" if swept else "")


def validate(job: JobArgument, since: Since = None, until: Until = None, form: FormatOption = Format.TABLE) -> None:
    """Check closed panes with Great Expectations. Exit code 1 if an expectation fails.

    Example: weir validate error_counts
    """
    from weir.counts import work
    from weir.counts.quality.pages import address

    settings = Settings.load()
    span = time_of(since, "since"), time_of(until, "until")
    with opened_counts(job, Capability.VALIDATES) as at:
        result = work.validate(at, settings.data_docs, *span)
    show(result.rows(), form)
    say(f"{result.sentence} Docs: {result.docs}, in Airflow: {address(settings.airflow_url, job)}")
    result.raise_if_broken()
