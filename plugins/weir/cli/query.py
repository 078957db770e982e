"""`weir counts | rejected`: counts out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from weir.cli.common import JOB, FormatOption, JobArgument, JobOption, Since, Until, Wide, known, opened_store, spec_of, time_of
from weir.jobs.kinds import Capability
from weir.output import Format, say, show
from weir.settings import Settings
from weir.times import iso

if TYPE_CHECKING:
    from spark_jobs.counts.cells import RejectedLine
    from weir.counts.query import Question
    from weir.ports.jobs import JobStore

WINDOW, BY, LEVELS = "10s", "service,level,signature", "error"
Services = Annotated[list[str] | None, typer.Option("--service", metavar="NAME", help="Only this service; may be repeated.")]


def counts(
    window: Annotated[str, typer.Option("--window", metavar="DURATION", help="A multiple of the pane.")] = WINDOW,
    slide: Annotated[
        str | None, typer.Option("--slide", metavar="DURATION", help="From one window's start to the next; by default the window.")
    ] = None,
    since: Since = None,
    until: Until = None,
    by: Annotated[str, typer.Option("--by", help="Dimensions, separated by commas; or none.")] = BY,
    levels: Annotated[str, typer.Option("--levels", help="Levels, separated by commas; or all.")] = LEVELS,
    service: Services = None,
    signature: Annotated[str, typer.Option("--signature", metavar="TEXT", help="Only signatures that contain this text.")] = "",
    everything: Annotated[bool, typer.Option("--all", help="All windows that are kept, not only the last hour.")] = False,
    fill: Annotated[int | None, typer.Option("--fill", metavar="0", help="List empty windows, too.")] = None,
    closed: Annotated[bool, typer.Option("--closed", help="Only closed windows.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Print on standard error what was read.")] = False,
    job: JobOption = JOB,
    wide: Wide = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Count lines by window. Without any option: the windows of the last hour.

    --since and --until list the windows that start in [since, until). With other options alone, all windows are listed.

    Example: weir counts --window 1m --slide 10s --since 2h --by service --service web
    """
    from weir.counts.closed import closed_now
    from weir.counts.progress import head_of
    from weir.counts.query import counts as ask
    from weir.counts.query import question as question_of
    from weir.counts.query import recent
    from weir.counts.rules import Rules
    from weir.errors import BadInput
    from weir.factory import source_of

    if fill not in (None, 0):
        raise BadInput(f"fill: {fill} is not 0.", "Use --fill 0: a window without lines has the count 0.")
    settings, now = Settings.load(), int(time.time() * 1000)
    span = time_of(since, "since"), time_of(until, "until")
    with opened_store(settings) as store:
        rules = Rules.of(spec_of(settings, store, job, Capability.COUNTS))
        question = question_of(window, slide or "", by, levels, rules.pane)
        question = replace(question, since=span[0], until=span[1], fill=fill == 0, services=tuple(service or ()), signature=signature)
        asked = (window, slide, by, levels, service, signature, everything, closed) != (WINDOW, None, BY, LEVELS, None, "", False, False)
        if lately := span == (None, None) and not asked:
            question = recent(question, now)
            say(f"Windows of the last hour, from {iso(question.since or 0)} on. Others: --since TIME, or --all")
        if closed:
            question = replace(question, closed_until=closed_now(head_of(store, job), rules, source_of(settings), now))
        rows = ask(store, job, question, say if explain else lambda told: None)
        empty = "" if rows else _nothing(question, lately, max(head_of(store, job).progress.event_times.values(), default=None))
    show(rows, form, ("window_start", "window_end", *question.by, "n"), empty=empty, wide=wide)


def _nothing(question: Question, lately: bool, newest: int | None) -> str:
    """Return why there may be no rows, and what to try; `newest` is the time of the newest counted line (ms)."""
    from spark_jobs.counts.cells import HOUR_MS
    from weir.counts.query import ALL

    sought = "lines" if question.levels == ALL else f"lines of level {', '.join(question.levels)}"
    filtered = " with this service or signature" if question.services or question.signature else ""
    other = "" if question.levels == ALL else " Other levels: --levels all."
    if newest is None:
        return f"No {sought}{filtered} in this time: nothing has been counted yet."
    ended = f" The newest counted line is of {iso(newest)}: --since {iso(newest - HOUR_MS)}." if lately else ""
    return f"No {sought}{filtered} in this time.{other}{ended}"


def rejected(
    job: JobArgument,
    reason: Annotated[str | None, typer.Option("--reason", help="Only lines that were rejected for this reason.")] = None,
    service: Services = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Maximum number of samples, newest first.")] = 100,
    reparse: Annotated[bool, typer.Option("--reparse", help="Show how the job's present parser reads them.")] = False,
    wide: Wide = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """List samples of rejected lines. The ledger counts all rejected lines; some of each batch are kept as samples.

    --reparse runs the job's present parser on them, in a Spark of this process. It changes no counts.

    Example: weir rejected error_counts --reason bad_time
    """
    from itertools import islice

    from weir import rows
    from weir.counts.progress import samples

    settings = Settings.load()
    with opened_store(settings) as store:
        known(settings, store, job, Capability.COUNTS)
        wanted = (line for line in samples(store, job, reason) if not service or line.service in service)
        found = list(islice(wanted, limit))
        now = _reparsed(settings, store, job, found) if reparse and found else [{}] * len(found)
    told = [{**row, **new, "value": row["value"]} for row, new in zip(rows.rejected(found), now, strict=True)]
    show(told, form, empty=f"There is no sample of a rejected line{_sought(reason, service)}.", wide=wide)


def _sought(reason: str | None, services: Sequence[str] | None) -> str:
    return (f" with the reason {reason}" if reason else "") + (f" of {', '.join(services)}" if services else "")


def _reparsed(settings: Settings, store: JobStore, job: str, lines: Sequence[RejectedLine]) -> list[dict[str, Any]]:
    """Return for each sample how the present parser reads it, with a note if the original result may differ."""
    from spark_jobs.counts.reparse import outcomes, session
    from weir.jobs.spec import counts_of

    options = counts_of(spec_of(settings, store, job, Capability.COUNTS)).counting
    spark = session()
    try:
        found = outcomes(spark, options, lines)
    finally:
        spark.stop()
    return [
        {
            "now": one.reason or "counted",
            "level": one.level,
            "event_time": None if one.event_ms is None else iso(one.event_ms),
            "note": _note(line),
        }
        for line, one in zip(lines, found, strict=True)
    ]


def _note(line: RejectedLine) -> str:
    cut = f"cut: only its first {len(line.value)} bytes were kept" if line.cut else ""
    undated = "its append time was not kept: it may be dated too far ahead" if line.append_ms is None else ""
    return "; ".join(filter(None, (cut, undated)))
