"""`weir migrate`: create and migrate the tables in your own Cassandra."""

from __future__ import annotations

from typing import Annotated

import typer

from weir.cli.common import not_of_a_stopped_stack
from weir.output import say


def migrate(
    replication: Annotated[
        int | None,
        typer.Option(
            "--replication", min=1, max=9, help="Copies of each row; also of a keyspace that is there. By default 3 in a new one."
        ),
    ] = None,
    grants: Annotated[
        str,
        typer.Option("--grants", metavar="SUPERVISOR,DRIVER[,READER]", help="Only print the CQL that gives these roles what they need."),
    ] = "",
) -> None:
    """Migrate the tables in Cassandra to this release; create the keyspace if needed. The embedded stack runs this for you.

    Example: weir migrate --replication 3
    """
    from weir.cassandra.migrate import migrate
    from weir.settings import Settings

    if grants:
        return _print_grants(Settings.load().cassandra_keyspace, [name.strip() for name in grants.split(",")])

    not_of_a_stopped_stack()
    done = migrate(Settings.load(), replication, patience_s=30.0)
    say(done.told)
    say(f"applied: {', '.join(done.applied)}" if done.applied else "the tables are those of this release")


def _print_grants(keyspace: str, roles: list[str]) -> None:
    from weir.cassandra.roles import grants
    from weir.errors import BadInput

    if not 2 <= len(roles) <= 3 or not all(roles):
        raise BadInput(
            "--grants: name two or three roles, separated by commas.", "Example: weir migrate --grants weir,weir_driver,weir_reader"
        )
    for statement in grants(keyspace, *roles):
        typer.echo(f"{statement};")
