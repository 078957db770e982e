"""`weir up | down | status | logs | clean`: the embedded stack."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from weir.cli.common import FormatOption
from weir.output import Format, say, show, show_table

if TYPE_CHECKING:
    from weir.local.stack import UpReport

LIVE = "a small live sample is being sent as service live-sample; stop it: weir sample stop"
NEXT = """
what to try next
  weir ingest FILE --service NAME    send the lines of a log
  weir counts --by service,level     errors by window of 10 s
  weir health error_counts           the verdict of the stream, with its evidence
  weir recount error_counts          prove the counts against the source"""


class SampleAction(StrEnum):
    START = "start"
    STOP = "stop"


def up(
    live_sample: Annotated[
        bool, typer.Option("--live-sample", help="Then send a small sample that is dated now, until `weir sample stop`.")
    ] = False,
) -> None:
    """Start the whole stack, deploy error_counts and show its first counts.

    If everything is up already, nothing changes. After an upgrade of the code it restarts Airflow and deploys the new version, while the
    stream continues.

    Example: weir up
    """
    from weir.errors import StackFailed
    from weir.local import stack
    from weir.local.report import reporter

    with reporter() as progress:
        done = stack.up(progress, live_sample=live_sample)
    _tell(done)
    if unwell := stack.unwell(done.parts):
        raise StackFailed(
            f"Not every part is well: {'; '.join(unwell)}.", "See `weir status` and `weir logs PART`, or run `weir up` again."
        )


def _tell(done: UpReport) -> None:
    write = sys.stdout.write
    write(f"\n{'up' if done.changed else 'everything is up already, nothing was changed'}: {done.seconds:.1f} s\n\n")
    show_table(done.parts, ("part", "state", "address"))
    write(f"\nAirflow  {done.airflow_url}  user {done.airflow_user}  password: cat {done.password_file}\n\n")
    if done.counts:
        write("first counts, of the sample log\n")
        show_table(done.counts, tuple(done.counts[0]))
    if done.live:
        write(LIVE + "\n")
    write(NEXT + "\n")


def sample(action: Annotated[SampleAction, typer.Argument(metavar="start|stop")]) -> None:
    """Start or stop the small live sample of the embedded stack: lines of the service live-sample, dated now.

    Example: weir sample stop
    """
    from weir.local import folder, live_sample
    from weir.settings import home

    if action is SampleAction.STOP:
        live_sample.stop(home())
        return say("The live sample stops within seconds. What it sent stays counted.")
    live_sample.start(folder.load(home()))
    say("The live sample is being sent as service live-sample.")


def down() -> None:
    """Stop everything in the right order. Nothing is lost; `weir up` continues where it was.

    Example: weir down
    """
    from weir.local import stack
    from weir.local.report import reporter

    with reporter() as progress:
        stopped = stack.down(progress)
    say("stopped; nothing is lost" if stopped else "nothing was running")


def status(
    form: FormatOption = Format.TABLE,
    check: Annotated[bool, typer.Option("--check", help="Exit code 1 unless every part is ok.")] = False,
) -> None:
    """Show each part: its state, address and process. A running driver is a part named driver:JOB.

    Example: weir status --format json
    """
    from weir.local import stack

    parts = stack.status()
    columns = ("part", "state", "address", "pid", "since")
    rows: list[dict[str, Any]] = [{name: part[name] for name in columns} for part in parts]  # type: ignore[literal-required]
    if form is Format.TABLE:
        rows = [{**row, "pid": row["pid"] or None} for row in rows]  # there is no process 0
    show(rows, form, empty="Nothing runs here. Start it with: weir up")
    if check and (not parts or any(part["state"] != "ok" for part in parts)):
        raise typer.Exit(1)


def logs(
    part: Annotated[str | None, typer.Argument(metavar="[PART]", help="A part from `weir status`, or a job; by default all parts.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Print new lines as they come.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="How many of the last lines.")] = 200,
) -> None:
    """Print the log of a part, or the ends of all logs.

    Example: weir logs kafka --follow
    """
    from weir.errors import BadInput
    from weir.local import stack
    from weir.settings import home

    stack.supervisor()  # says whose folder it is, where a list of its files would be empty
    if part is None and follow:
        raise BadInput("logs: --follow needs a part.", "Name one from `weir status`.")
    for name in [part] if part else sorted(file.stem for file in (home() / "logs").glob("*.log")):
        if not part:
            sys.stdout.write(f"==> {name} <==\n")
        for line in stack.logs(_named(name), follow=follow, lines=lines if part else 10):
            sys.stdout.write(line if line.endswith("\n") else line + "\n")
            if follow:
                sys.stdout.flush()


def _named(part: str) -> str:
    """Return the log's name; a job's log is that of its driver."""
    from weir.settings import Settings

    there = any((folder / part / "job.yaml").exists() for folder in Settings.load().job_folders)
    return f"driver:{part}" if there else part


def clean(yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Stop the stack and remove all its state: topics, counts, checkpoints. Asks first.

    Example: weir clean --yes
    """
    from weir.local import stack
    from weir.local.report import reporter
    from weir.settings import home

    if not home().exists():
        return say(f"There is nothing in {home()}.")
    if not yes and not typer.confirm(f"Remove {home()} with all counts?", err=True):
        raise typer.Exit(1)
    with reporter() as progress:
        stack.clean(progress)
