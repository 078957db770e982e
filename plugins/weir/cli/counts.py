"""`weir ingest | wait`: lines in."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from weir.cli.common import JobArgument, opened_store, spec_of
from weir.jobs.kinds import Capability
from weir.output import result, say
from weir.settings import Settings

if TYPE_CHECKING:
    from weir.ingest import Progress, Sent


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

    if sent.refused_lines:
        more = sent.refused_lines - len(sent.refused)
        numbers = ", ".join(map(str, sent.refused)) + (f" and {more} more" if more else "")
        say(str(BadInput(f"Lines over 1 MiB were refused: {sent.refused_lines}, number {numbers}.", "Cut them and send them again.")))
    if sent.acknowledged < sent.lines:
        say(str(NotRunning(f"Of {sent.lines} lines, {sent.lines - sent.acknowledged} were not acknowledged.", "See: weir status")))
    result(f"{sent.acknowledged} lines sent to {topic} as {service}")
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
