"""`weir query`: ad-hoc SQL over what a landed job has written to PostgreSQL."""

from __future__ import annotations

from typing import Annotated

import typer

from weir.cli.common import FormatOption, JobArgument, Wide, opened_store, spec_of
from weir.output import Format, say, show
from weir.settings import Settings

MOST_ROWS = 100_000


def query(
    job: JobArgument,
    statement: Annotated[str, typer.Argument(metavar="SQL", help="One SELECT, VALUES or WITH.")],
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=MOST_ROWS, help="Maximum number of rows; all together have at most 16 MiB.")
    ] = 100,
    timeout: Annotated[str, typer.Option("--timeout", metavar="DURATION", help="When PostgreSQL stops the statement.")] = "30s",
    wide: Wide = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Run a statement on the PostgreSQL of a landed job's sink, as the role `reader` of its spec, which must not be able to write.

    Example: weir query transactions "SELECT account, balance FROM accounts ORDER BY balance DESC" --limit 10
    """
    from weir.sink_readers.table import query as rows_of
    from weir.times import parse_duration

    within_s, settings = parse_duration(timeout, "timeout") / 1000, Settings.load()
    with opened_store(settings) as store:
        spec = spec_of(settings, store, job)
    found = rows_of(spec, statement, limit, within_s)
    show(found.rows, form, found.columns, empty="The answer has no rows.", wide=wide)
    if found.more:
        say(f"There are more rows: these are the first {len(found.rows)}, up to the limit of {found.more}.")
