"""`weir ingest`: send lines."""

from __future__ import annotations

import os
import shlex
import signal
import stat
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from weir.cli.common import not_of_a_stopped_stack
from weir.output import printable, readable, result, say
from weir.settings import Settings

if TYPE_CHECKING:
    from weir.ingest import Progress, Sent
    from weir.jobs.spec import JobSpec

PACKED = (".gz", ".zst", ".bz2", ".xz")
LONGEST_SERVICE = 256  # bytes, as the job reads it
TAIL = 64 * 1024  # bytes of a file whose lines are compared with the time at which it was written
SHOWN = 120  # characters of a line in a message


def ingest(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Logs, or - for standard input.")],
    service: Annotated[str | None, typer.Option("--service", help="The service of the lines; by default the file's stem.")] = None,
    rate: Annotated[float | None, typer.Option("--rate", metavar="LINES_PER_S", help="Maximum lines a second.")] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Continue when the file grows or is rotated, as tail -F does, also after a restart.")
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Send only what an earlier run of the same file did not.")] = False,
    from_start: Annotated[
        bool, typer.Option("--from-start", help="Send the file from its first line, although lines of it were sent before.")
    ] = False,
    topic: Annotated[str, typer.Option("--topic", help="The topic.")] = "logs",
    create: Annotated[bool, typer.Option("--create", help="Create the topic if it does not exist.")] = False,
) -> None:
    """Send the lines of files to the topic. Exit code 1 if a line was refused, not acknowledged or not readable.

    Lines end at LF only, with one CR before it dropped; a line over 1 MiB is refused. UTF-16, gzip, zstd, bzip2 and xz are
    recognised. After an interruption, --resume sends the rest, and nothing twice.

    Example: weir ingest /var/log/apache2/error.log --service web --follow
    """
    from weir.errors import BadInput

    if rate is not None and rate <= 0:
        raise BadInput(f"rate: {rate:g} is not more than 0.", "Give lines per second.")
    if resume and from_start:
        raise BadInput("--resume and --from-start contradict each other.", "Give one of them.")
    if follow and len(files) > 1:
        raise BadInput(f"--follow follows one file; {len(files)} were given.", "Start a weir ingest for each.")
    services = [service_of(file, service) for file in files]
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell's background job ignores SIGINT, and Python does not raise on SIGTERM
        signal.signal(number, signal.default_int_handler)
    not_of_a_stopped_stack("WEIR_KAFKA", "kafka")
    if create:
        _create(topic)
    from weir.ingest import ingest as send

    asked = partial(send, settings=Settings.load(), topic=topic, rate=rate, follow=follow, resume=resume, from_start=from_start)
    way_on = _rest(files, service, topic, follow)
    complete = [_send(file, name, topic, asked, way_on) for file, name in zip(files, services, strict=True)]
    if not all(complete):
        raise typer.Exit(1)


def service_of(file: str, given: str | None) -> str:
    """Return the service of a file's lines. Raises BadInput for one that no record's key can hold."""
    from weir.errors import BadInput
    from weir.ingest.reading import shown

    if not given:
        path = Path(file)
        return "stdin" if file == "-" else shown(path.with_suffix("").stem if path.suffix in PACKED else path.stem)
    try:
        size = len(given.encode())
    except UnicodeEncodeError:
        raise BadInput(f"service: {shown(given)} is not UTF-8.", "Give a name in UTF-8.") from None
    if size > LONGEST_SERVICE:
        raise BadInput(f"service: {printable(given[:40])}... has {size} bytes.", f"Give at most {LONGEST_SERVICE}.")
    return given


def _send(file: str, service: str, topic: str, send: Callable[..., Sent], way_on: str) -> bool:
    """Send one file. Return whether all of it was sent."""
    from weir.errors import NotRunning
    from weir.ingest import Interrupted

    try:
        with _bar(file) as progress:
            look, tell = _judge(topic, file, service), lambda sent: _tell(sent, service, topic)
            sent = send(file, service, progress=progress, look=look, say=say, tell=tell)
    except Interrupted as interrupted:
        say(f"{interrupted}. {way_on}")
        raise typer.Exit(130) from None
    except NotRunning as error:
        error.next_step = f"{error.next_step}. {way_on}"
        raise
    return sent.complete


def _rest(files: Sequence[str], service: str | None, topic: str, follow: bool) -> str:
    """Return the sentence that says how to send the rest."""
    if "-" in files:
        return "Standard input cannot be read again, so nothing can send its rest alone."
    words = [*map(_quoted, files), *(["--service", shlex.quote(service)] if service else [])]
    words += ["--topic", shlex.quote(topic)] if topic != "logs" else []
    return f"Send the rest: weir ingest {' '.join(words)} {'--follow' if follow else '--resume'}"


def _quoted(file: str) -> str:
    """Return a file's name as a shell reads it, also one that cannot be printed."""
    return shlex.quote(file) if file.isprintable() else "$'" + readable(os.fsencode(file)).replace("'", "\\'") + "'"


def _judge(topic: str, file: str, service: str) -> Callable[[Sequence[bytes]], None]:
    """Return what warns of lines that the jobs of the topic would reject."""

    def look(lines: Sequence[bytes]) -> None:
        for spec in _readers(topic):
            if sentence := misfit(spec, service, lines, int(time.time() * 1000)):
                say(sentence)
            if sentence := other_zone(spec, service, *_newest(file, lines)):
                say(sentence)

    return look


def _newest(file: str, lines: Sequence[bytes]) -> tuple[Sequence[bytes], int]:
    """Return the last lines of a file, and when they were written (ms); of anything else the first ones, and now."""
    now = int(time.time() * 1000)
    try:
        with Path(file).open("rb") as opened:
            about = os.fstat(opened.fileno())
            if not stat.S_ISREG(about.st_mode):
                return lines, now
            opened.seek(max(0, about.st_size - TAIL))
            return opened.read(TAIL).splitlines(), min(now, about.st_mtime_ns // 1_000_000)
    except OSError:
        return lines, now


def other_zone(spec: JobSpec, service: str, lines: Sequence[bytes], written_ms: int) -> str:
    """Return a warning if these lines, the newest of a log, look like local time of another zone than the job's; empty if not."""
    from weir.counts.arrivals import of_lines, offset_of
    from weir.counts.lines import parser
    from weir.counts.local_time import cure, in_words
    from weir.counts.rules import Rules

    rules = Rules.of(spec)
    zone = rules.zone_of(service)
    offset = offset_of(zone, written_ms)
    found = of_lines(lines, parser(rules, service), written_ms, offset)
    if found is None:
        return ""
    return f"Warning: {spec.name} reads times as of {zone}; {in_words(service, found, offset)}: {cure(service)}."


def _readers(topic: str) -> list[JobSpec]:
    """Return the counting jobs that read a topic, by their files: the store is not needed to send lines."""
    from weir.jobs.folders import sound
    from weir.jobs.kinds import Capability

    specs = sound(*Settings.load().job_folders).values()
    return [spec for spec in specs if spec.kind.can(Capability.COUNTS) and spec.source.subscription.reads(topic)]


def misfit(spec: JobSpec, service: str, lines: Sequence[bytes], now_ms: int) -> str:
    """Return a warning if a job would reject most of these lines; empty if not."""
    from weir.counts.fitting import as_yaml, fit
    from weir.counts.rules import Rules

    rules = Rules.of(spec)
    found = fit(lines, rules.format_of(service), rules.zone_of(service), now_ms, future_skew=rules.future_skew)
    if not found.misfits:
        return ""
    reasons = ", ".join(f"{reason} {n}" for reason, n in sorted(found.rejects.items(), key=lambda each: -each[1]))
    return (
        f"Warning: {spec.name} reads {service} as {as_yaml(found.value)}. It would reject {sum(found.rejects.values())} of the first "
        f"{found.lines} lines "
        f"({reasons}), first: {readable(found.first)[:SHOWN]}. See: weir formats test FILE"
    )


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
    """Say what was sent, last on standard output: if that fails, the rest was said."""
    from weir.errors import BadInput, NotRunning, OutputLost, UnreadableInput
    from weir.ingest import MAX_LINE

    if sent.refused_lines:
        more = sent.refused_lines - len(sent.refused)
        numbers = ", ".join(map(str, sent.refused)) + (f" and {more} more" if more else "")
        size = "1 MiB" if sent.limit == MAX_LINE else f"{sent.limit} bytes, the most that the topic takes,"
        say(str(BadInput(f"{sent.refused_lines} line(s) over {size} were refused: number {numbers}.", "Cut them and send them again.")))
    for problem in sent.problems:
        say(str(UnreadableInput(problem, "What was read was sent.")))
    if sent.acknowledged < sent.lines:
        say(str(NotRunning(f"Of {sent.lines} lines, {sent.lines - sent.acknowledged} were not acknowledged.", "See: weir status")))
    try:
        result(f"{sent.acknowledged} lines sent to {topic} as {service}" + (f", {sent.before} before" if sent.before else ""))
    except OutputLost as lost:  # nobody was told, unless the reader wanted no more: then the same command is not to send all once more
        if not lost.reader_left:
            raise


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
