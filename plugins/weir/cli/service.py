"""`weir serve | token`: the REST service alone, and who may ask it."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Annotated

import typer

from weir.cli.common import connected
from weir.output import say
from weir.settings import home

PORT = 9478
Tokens = Annotated[Path | None, typer.Option("--tokens", metavar="FILE", help="Who may; $WEIR_HOME/tokens.json if left out.")]


def serve(
    port: Annotated[int, typer.Option("--port", min=0, max=65_535, help="Where to listen; 0 for any free port.")] = PORT,
    host: Annotated[str, typer.Option("--host", help="The address to listen on. Tokens travel openly: put TLS before another one.")] = (
        "127.0.0.1"
    ),
    tokens: Tokens = None,
) -> None:
    """Serve the REST API until it is interrupted, to who has a token. Inside Airflow it is there already, below /weir/api/v1.

    Standard error has a line of JSON for each action that was asked for.

    Example: weir serve --port 9478
    """
    from weir.api.serve import run
    from weir.api.tokens import load

    file = _file(tokens)
    if not load(file):
        say(f"Nobody may ask yet: there is no token in {file}. Make one with: weir token NAME --role editor")
    _log()
    run(file, connected, host, port, lambda url: say(f"REST: {url}/api/v1/jobs"))


def token(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whose it is; actions are done in this name.")],
    role: Annotated[str, typer.Option("--role", help="reader, or editor, who may act, too.")] = "reader",
    revoke: Annotated[bool, typer.Option("--revoke", help="Take it back, at once.")] = False,
    tokens: Tokens = None,
) -> None:
    """Make a token for `weir serve` and print it, this once: only its hash is kept. A name has one; a new one takes its place.

    Example: weir token ana --role editor
    """
    from weir.api.tokens import issue
    from weir.api.tokens import revoke as take_back

    file = _file(tokens)
    if not revoke:
        return typer.echo(issue(file, name, role))
    say(f"The token of {name} is taken back." if take_back(file, name) else f"{name} has no token in {file}.")


def _file(tokens: Path | None) -> Path:
    from weir.api.tokens import FILE

    return tokens or home() / FILE


def _log() -> None:
    """Of a process that nobody types at: what acts, and what goes wrong."""
    handler = logging.StreamHandler(sys.stderr)
    logging.getLogger("weir").setLevel(logging.WARNING)
    audit = logging.getLogger("weir.audit")
    audit.setLevel(logging.INFO)
    audit.propagate = False
    audit.addHandler(handler)
