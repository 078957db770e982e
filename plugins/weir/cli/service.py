"""`weir serve | token`: the standalone REST service and its tokens."""

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
Tokens = Annotated[Path | None, typer.Option("--tokens", metavar="FILE", help="The file of tokens; by default $WEIR_HOME/tokens.json.")]


def serve(
    port: Annotated[int, typer.Option("--port", min=0, max=65_535, help="The port; 0 for any free one.")] = PORT,
    host: Annotated[
        str, typer.Option("--host", help="The address to listen on. Tokens travel in clear text: put a proxy with TLS in front.")
    ] = "127.0.0.1",
    tokens: Tokens = None,
) -> None:
    """Serve the REST API until interrupted. Inside Airflow it is always on, below /weir/api/v1.

    Each requested action is one line of JSON on standard error.

    Example: weir serve --port 9478
    """
    from weir.api.serve import run
    from weir.api.tokens import load

    file = _file(tokens)
    if not load(file):
        say(f"No requests are accepted yet: {file} has no tokens. Create one with: weir token NAME --role editor")
    _log()
    run(file, connected, host, port, lambda url: say(f"REST: {url}/api/v1/jobs"))


def token(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The owner; actions are recorded under this name.")],
    role: Annotated[str, typer.Option("--role", help="reader, or editor, which may also act.")] = "reader",
    revoke: Annotated[bool, typer.Option("--revoke", help="Revoke the token at once.")] = False,
    tokens: Tokens = None,
) -> None:
    """Create a token for `weir serve` and print it once: only its hash is stored. A new token replaces the old one of that name.

    Example: weir token ana --role editor
    """
    from weir.api.tokens import issue
    from weir.api.tokens import revoke as take_back

    file = _file(tokens)
    if not revoke:
        return typer.echo(issue(file, name, role))
    say(f"The token of {name} is revoked." if take_back(file, name) else f"{name} has no token in {file}.")


def _file(tokens: Path | None) -> Path:
    from weir.api.tokens import FILE

    return tokens or home() / FILE


def _log() -> None:
    """Log actions and warnings to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    logging.getLogger("weir").setLevel(logging.WARNING)
    audit = logging.getLogger("weir.audit")
    audit.setLevel(logging.INFO)
    audit.propagate = False
    audit.addHandler(handler)
