"""`weir ingest | wait | counts | rejected`: lines in, counts out."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from weir.cli.common import JOB, FormatOption, JobArgument, JobOption, Since, Until, known, opened_store, spec_of, time_of
from weir.jobs.kinds import Capability
from weir.output import Format, say, show
from weir.settings import Settings

if TYPE_CHECKING:
    from spark_jobs.counts.cells import RejectedLine
    from weir.ingest import Progress, Sent
    from weir.ports.jobs import JobStore


def ingest(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A log, or - for standard input.")],
    service: Annotated[str | None, typer.Option("--service", help="The service of the lines; by default the file's stem.")] = None,
    rate: Annotated[float | None, typer.Option("--rate", metavar="LINES_PER_S", help="Maximum lines a second.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Continue when the file grows, as tail -F does.")] = False,
    topic: Annotated[str, typer.Option("--topic", help="The topic.")] = "logs",
    create: Annotated[bool, typer.Option("--create", help="Create the topic if it does not exist.")] = False,
) -> None:
    """Send the lines of a file to the topic. Exit code 1 if a line was refused or not acknowledged.

    Lines end at LF only, with one CR before it dropped; a line over 1 MiB is refused.

    Example: weir ingest /var/log/apache2/error.log --service web --follow
    """
    from weir.errors import BadInput
    from weir.ingest import Interrupted
    from weir.ingest import ingest as send

    if rate is not None and rate <= 0:
        raise BadInput(f"rate: {rate:g} is not more than 0.", "Give lines per second.")
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell's background job ignores SIGINT, and Python does not raise on SIGTERM
        signal.signal(number, signal.default_int_handler)
    service = service or ("stdin" if file == "-" else Path(file).stem)
    if create:
        _create(topic)
    try:
        with _bar(file) as progress:
            sent = send(file, service, Settings.load(), topic=topic, rate=rate, follow=follow, progress=progress)
    except Interrupted as interrupted:
        say(str(interrupted))
        raise typer.Exit(130) from None
    _tell(sent, service, topic)


def _create(topic: str) -> None:
    from confluent_kafka import KafkaException

    from weir.addresses import kafka_address
    from weir.errors import NotRunning
    from weir.local import kafka

    try:
        if kafka.topic(kafka.admin(kafka_address(Settings.load())), topic):
            say(f"The topic {topic} was created.")
    except KafkaException as error:
        raise NotRunning(f"Kafka at {Settings.load().kafka} did not create the topic {topic}: {error}.", "See: weir status") from error


def _tell(sent: Sent, service: str, topic: str) -> None:
    from weir.errors import BadInput, NotRunning

    typer.echo(f"{sent.acknowledged} lines sent to {topic} as {service}")
    if sent.refused_lines:
        more = sent.refused_lines - len(sent.refused)
        numbers = ", ".join(map(str, sent.refused)) + (f" and {more} more" if more else "")
        say(str(BadInput(f"Lines over 1 MiB were refused: {sent.refused_lines}, number {numbers}.", "Cut them and send them again.")))
    if sent.acknowledged < sent.lines:
        say(str(NotRunning(f"Of {sent.lines} lines, {sent.lines - sent.acknowledged} were not acknowledged.", "See: weir status")))
    if not sent.complete:
        raise typer.Exit(1)


@contextmanager
def _bar(file: str) -> Iterator[Progress | None]:
    """A progress bar on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    size = Path(file).stat().st_size if file != "-" and Path(file).is_file() else None
    columns = (TextColumn("{task.fields[lines]:>12,} lines"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("", total=size, lines=0)
        yield lambda lines, done: bars.update(task, completed=done, lines=lines)


def wait(
    job: JobArgument,
    lag: Annotated[int, typer.Option("--lag", min=0, help="Return when at most so many lines are left.")] = 0,
    timeout: Annotated[str, typer.Option("--timeout", metavar="DURATION", help="How long to wait.")] = "120s",
) -> None:
    """Wait until the lines that the job's topics have now have landed. Exit code 1 at the timeout.

    Example: weir wait error_counts --lag 0 --timeout 2m
    """
    from weir.counts.progress import head_of, left
    from weir.errors import TimedOut
    from weir.factory import source_of
    from weir.supervise.topics import ends_for
    from weir.times import parse_duration

    settings, deadline = Settings.load(), time.monotonic() + parse_duration(timeout, "timeout") / 1000
    with opened_store(settings) as store:
        reads = spec_of(settings, store, job, Capability.LANDS).source.subscription
        ends = ends_for(source_of(settings), head_of(store, job), reads)
        while (remaining := left(store, job, ends)) > lag:
            if time.monotonic() >= deadline:
                raise TimedOut(f"Lines that have not landed in {timeout}: {remaining}.", f"See: weir health {job}")
            time.sleep(0.2)


def counts(
    window: Annotated[str, typer.Option("--window", metavar="DURATION", help="A multiple of the pane.")] = "10s",
    slide: Annotated[
        str | None, typer.Option("--slide", metavar="DURATION", help="From one window's start to the next; by default the window.")
    ] = None,
    since: Since = None,
    until: Until = None,
    by: Annotated[str, typer.Option("--by", help="Dimensions, separated by commas; or none.")] = "service,level,signature",
    levels: Annotated[str, typer.Option("--levels", help="Levels, separated by commas; or all.")] = "error",
    fill: Annotated[int | None, typer.Option("--fill", metavar="0", help="List empty windows, too.")] = None,
    closed: Annotated[bool, typer.Option("--closed", help="Only closed windows.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Print on standard error what was read.")] = False,
    job: JobOption = JOB,
    form: FormatOption = Format.TABLE,
) -> None:
    """Count lines by window. A window is listed if its start lies in [since, until).

    Example: weir counts --window 1m --slide 10s --since 2026-01-31T12:00:00Z --by service
    """
    from weir.counts.closed import closed_now
    from weir.counts.progress import head_of
    from weir.counts.query import counts as ask
    from weir.counts.query import question as question_of
    from weir.counts.rules import Rules
    from weir.errors import BadInput
    from weir.factory import source_of

    if fill not in (None, 0):
        raise BadInput(f"fill: {fill} is not 0.", "Use --fill 0: a window without lines has the count 0.")
    settings = Settings.load()
    span = time_of(since, "since"), time_of(until, "until")
    with opened_store(settings) as store:
        rules = Rules.of(spec_of(settings, store, job, Capability.COUNTS))
        question = question_of(window, slide or "", by, levels, rules.pane)
        question = replace(question, since=span[0], until=span[1], fill=fill == 0)
        if closed:
            moment = closed_now(head_of(store, job), rules, source_of(settings), int(time.time() * 1000))
            question = replace(question, closed_until=moment)
        rows = ask(store, job, question, say if explain else lambda told: None)
    columns = ("window_start", "window_end", *question.by, "n")
    show(rows, form, columns, empty=f"No lines of level {levels} in this time. Other levels: --levels all")


def rejected(
    job: JobArgument,
    reason: Annotated[str | None, typer.Option("--reason", help="Only lines that were rejected for this reason.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Maximum number of samples, newest first.")] = 100,
    reparse: Annotated[bool, typer.Option("--reparse", help="Show how the job's present parser reads them.")] = False,
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
        found = list(islice(samples(store, job, reason), limit))
        now = _reparsed(settings, store, job, found) if reparse and found else [{}] * len(found)
    told = [{**row, **new, "value": row["value"]} for row, new in zip(rows.rejected(found), now, strict=True)]
    show(told, form, empty="No line was rejected." if reason is None else f"No line was rejected for the reason {reason}.")


def _reparsed(settings: Settings, store: JobStore, job: str, lines: Sequence[RejectedLine]) -> list[dict[str, Any]]:
    """Return for each sample how the present parser reads it, with a note if the original result may differ."""
    from spark_jobs.counts.reparse import outcomes, session
    from weir.jobs.spec import counts_of
    from weir.times import iso

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
