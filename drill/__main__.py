"""`python -m drill`, from the root of the repository."""

import typer

from drill.command import drill
from weir.cli import main

app = typer.Typer(pretty_exceptions_enable=False, context_settings={"help_option_names": ["-h", "--help"]})
app.command()(drill)
main(app)
