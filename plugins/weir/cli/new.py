"""`weir new`: a folder for a job of your own."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from weir.output import say
from weir.settings import Settings


def new(
    job: Annotated[str, typer.Argument(metavar="JOB", help="The job's name, and its folder's.")],
    kind: Annotated[
        str,
        typer.Option(
            "--kind", help="plain: any Spark application. landed: a pipeline whose batches land once. counts: counts log lines, provably."
        ),
    ] = "",
    into: Annotated[
        Path | None, typer.Option("--into", metavar="DIR", help="Where the folder goes; by default here, or beside the job of --like.")
    ] = None,
    like: Annotated[str, typer.Option("--like", metavar="JOB", help="Copy the present spec and code of this job.")] = "",
    begin: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="WHEN",
            help="With --like: where it begins: earliest, a time of arrival, an age such as 2h, or offsets such as 0:1200,1:900.",
        ),
    ] = "earliest",
) -> None:
    """Write a folder with the spec, the code, a test and a README of a new job. Nothing that exists is overwritten.

    With --like it is a second job over the same topics, such as one that counts old lines again by a corrected time zone.

    Example: weir new word_count --kind plain --into jobs

    Example: weir new errors_again --like error_counts --from 2026-01-31T12:00Z
    """
    from weir.errors import BadInput
    from weir.jobs.folders import folder_of, sound
    from weir.jobs.like import copy, start
    from weir.jobs.new import create

    folders = Settings.load().job_folders
    if bool(kind) == bool(like):
        raise BadInput("Give either --kind or --like.", "For example: weir new errors_again --like error_counts --from 2h")
    if like:
        original = folder_of(like, *folders)
        for file in copy(job, original, into or original.parent, list(sound(*folders)), start(begin, int(time.time() * 1000))):
            typer.echo(file)
        return say(f"See what a deploy would do: weir deploy {job} --plan; then: weir deploy {job}")
    into = into or Path()
    for file in create(job, kind, into, list(sound(*folders))):
        typer.echo(file)
    return say(f"Read {into / job / 'README.md'}: how to test and deploy it.")
