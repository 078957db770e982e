"""`weir`: the command line. Exit codes: 0 done, 1 "no" or failed, 2 bad usage, 3 output lost, 130 interrupted.

Errors go to standard error.
"""

from __future__ import annotations

import logging
import os
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated

import typer

from weir.cli import (
    alerts,
    checkpoint,
    collect,
    collect_brokers,
    counts,
    doctor,
    drill,
    formats,
    ingest,
    jobs,
    metrics,
    new,
    pauses,
    proof,
    query,
    rotate,
    rows,
    schema,
    service,
    stack,
    streams,
)
from weir.errors import BadInput, OutputLost, WeirError
from weir.system_errors import of_system

app = typer.Typer(
    name="weir",
    help="Counts you can prove, from Spark streams that Airflow keeps alive without harm.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
GROUPS = {
    "The environment": (doctor.doctor,),
    "The embedded stack": (stack.up, stack.down, stack.status, stack.logs, stack.sample, rotate.rotate, stack.clean),
    "Lines and counts": (ingest.ingest, counts.wait, query.counts, query.rejected),
    "Rows of landed jobs": (rows.query,),
    "Jobs": (
        jobs.jobs,
        new.new,
        jobs.deploy,
        jobs.versions,
        jobs.restart,
        jobs.stop,
        jobs.confirm_ended,
        jobs.health,
        checkpoint.checkpoint,
        checkpoint.quarantine,
    ),
    "Metrics": (metrics.metrics,),
    "REST": (service.serve, service.token),
    "Timeline and pauses": (pauses.timeline, pauses.hold, pauses.maintenance),
    "Proof": (proof.ledger, proof.recount, proof.fold, proof.validate),
    "Your own Cassandra": (schema.migrate,),
}
for panel, commands in GROUPS.items():
    for command in commands:
        app.command(command.__name__.replace("_", "-"), rich_help_panel=panel, no_args_is_help=False)(command)

app.command(hidden=True, context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})(drill.drill)
collect.collect.command()(collect_brokers.rabbitmq)
collect.collect.command()(collect_brokers.mqtt)
app.add_typer(collect.collect, rich_help_panel="Lines and counts")
app.add_typer(formats.formats, rich_help_panel="Lines and counts")
app.add_typer(alerts.alerts, rich_help_panel="Alerts")
app.add_typer(alerts.rules, rich_help_panel="Alerts")


def _print_version(asked: bool) -> None:
    if asked:
        try:
            sys.stdout.write(f"weir {version('weir')}\n")
        except PackageNotFoundError:
            raise BadInput("This code is not installed, so it has no version.", "Run: make install") from None
        raise typer.Exit


@app.callback()
def _options(
    _: Annotated[bool, typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_print_version)] = False,
) -> None:
    """Counts you can prove, from Spark streams that Airflow keeps alive without harm."""


def main(app: typer.Typer = app) -> None:
    """Run a command line and end the process with its exit code. The entry point of the `weir` script."""
    streams.guard()
    _quiet()
    code = _run(app)
    sys.exit(streams.finish() or code)


def _run(app: typer.Typer = app) -> int:
    try:
        app()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    except OutputLost:
        return 0  # `finish` says it
    except BadInput as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except WeirError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except Exception as error:  # one sentence; WEIR_DEBUG=1 gives the traceback
        if os.environ.get("WEIR_DEBUG"):
            raise
        bug = f"WEIR-000: {type(error).__name__}: {error}. This is a bug in Weir; set WEIR_DEBUG=1 to see the traceback."
        sys.stderr.write(f"{of_system(error) or bug}\n")
        return 1
    return 0


def _quiet() -> None:
    """Silence the clients of Kafka and Cassandra, which log each lost connection. WEIR_DEBUG=1 shows everything."""
    level = logging.DEBUG if os.environ.get("WEIR_DEBUG") else logging.CRITICAL
    logging.basicConfig(level=level)
    for name in ("cassandra", "spark_jobs", "weir"):  # Airflow, imported for its connection, sets the root's: an outage was a traceback
        logging.getLogger(name).setLevel(level)
