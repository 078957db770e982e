"""`weir migrate`: the tables, in a Cassandra that is not the embedded stack's."""

from __future__ import annotations

from typing import Annotated

import typer

from weir.output import say


def migrate(
    replication: Annotated[int, typer.Option("--replication", min=1, max=9, help="Copies of each row, if the keyspace is made now.")] = 3,
) -> None:
    """Bring the tables in Cassandra to this release, and make the keyspace if there is none. The embedded stack does so by itself.

    Example: weir migrate --replication 3
    """
    from weir.cassandra.migrate import migrate
    from weir.settings import Settings

    applied = migrate(Settings.load(), replication, patience_s=30.0)
    say(f"applied: {', '.join(applied)}" if applied else "the tables are those of this release")
