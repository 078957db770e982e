"""`weir wait`: until the lines that are there have landed."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Annotated

import typer

from weir.cli.common import JobArgument, opened_store, spec_of
from weir.jobs.kinds import Capability
from weir.settings import Settings


def wait(
    job: JobArgument,
    lag: Annotated[int, typer.Option("--lag", min=0, help="Return when at most so many lines and files are left.")] = 0,
    timeout: Annotated[str, typer.Option("--timeout", metavar="DURATION", help="How long to wait.")] = "120s",
) -> None:
    """Wait until the lines and files that the job's sources have now have landed. Exit code 1 at the timeout.

    Example: weir wait error_counts --lag 0 --timeout 2m
    """
    from weir.counts.progress import head_of, left
    from weir.errors import NotRunning, TimedOut
    from weir.factory import source_of, unread_files
    from weir.supervise.topics import ends_for
    from weir.times import parse_duration

    settings, deadline = Settings.load(), time.monotonic() + parse_duration(timeout, "timeout") / 1000
    with opened_store(settings) as store:
        spec, head = spec_of(settings, store, job, Capability.LANDS), head_of(store, job)
        ends, files = ends_for(source_of(settings), head, spec.source.subscription), unread_files(settings, head, spec)
        while (remaining := left(store, job, ends) + sum(map(len, files.values()))) > lag:
            if time.monotonic() >= deadline:
                what = "Lines and files" if files else "Lines"
                raise TimedOut(f"{what} that have not landed in {timeout}: {remaining}.", f"See: weir health {job}")
            time.sleep(1 if files else 0.2)
            with suppress(NotRunning):  # a checkpoint that is being copied has no lists yet
                now = unread_files(settings, head_of(store, job), spec) if files else {}
                files = {folder: names & now[folder] for folder, names in files.items()}
