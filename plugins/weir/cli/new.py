"""`weir new`: a folder for a job of your own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from weir.output import say
from weir.settings import Settings


def new(
    job: Annotated[str, typer.Argument(metavar="JOB", help="The job's name, and its folder's.")],
    kind: Annotated[str, typer.Option("--kind", help="plain: any Spark application. counts: counts log lines, provably.")],
    into: Annotated[Path, typer.Option("--into", metavar="DIR", help="Where the folder goes.")] = Path(),
) -> None:
    """Write a folder with the spec, the code, a test and a README of a new job. Nothing that exists is overwritten.

    Example: weir new word_count --kind plain --into jobs
    """
    from weir.jobs.folders import sound
    from weir.jobs.new import create

    for file in create(job, kind, into, list(sound(*Settings.load().job_folders))):
        typer.echo(file)
    say(f"Read {into / job / 'README.md'}: how to test and deploy it.")
