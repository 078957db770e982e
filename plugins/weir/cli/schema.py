"""`weir migrate`: create and migrate the tables in your own Cassandra."""

from __future__ import annotations

from typing import Annotated

import typer

from weir.output import say


def migrate(
    replication: Annotated[int, typer.Option("--replication", min=1, max=9, help="Copies of each row, if this creates the keyspace.")] = 3,
) -> None:
    """Migrate the tables in Cassandra to this release; create the keyspace if needed. The embedded stack runs this for you.

    Example: weir migrate --replication 3
    """
    from weir.cassandra.migrate import migrate
    from weir.settings import Settings

    applied = migrate(Settings.load(), replication, patience_s=30.0)
    say(f"applied: {', '.join(applied)}" if applied else "the tables are those of this release")
