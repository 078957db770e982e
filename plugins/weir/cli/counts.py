"""`weir wait`: until the lines that are there have landed."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from weir.cli.common import JobArgument, opened_store, spec_of
from weir.jobs.kinds import Capability
from weir.settings import Settings


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
