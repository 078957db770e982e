"""Shared by all commands: common options, and opening and closing store and manager."""

from __future__ import annotations

import getpass
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from weir.errors import NotRunning
from weir.output import Format, say
from weir.settings import Settings, home

if TYPE_CHECKING:
    from weir.cassandra.store import CassandraStore
    from weir.counts.work import Counts
    from weir.jobs.kinds import Capability
    from weir.jobs.spec import JobSpec
    from weir.ports.jobs import JobStore
    from weir.ports.store import Store
    from weir.ports.supervision import SupervisionStore
    from weir.supervise.manager import ActionResult, Manager

JOB = "error_counts"
JobArgument = Annotated[str, typer.Argument(metavar="JOB", help="The job's name; `weir jobs` lists them.")]
JobOption = Annotated[str, typer.Option("--job", help="The job.")]
FormatOption = Annotated[Format, typer.Option("--format", help="How to print.", case_sensitive=False)]
Wide = Annotated[bool, typer.Option("--wide", help="Do not cut or fold long cells of a table on a terminal.")]
Since = Annotated[
    str | None, typer.Option("--since", metavar="TIME", help="Start time, ISO 8601, such as 2026-01-31T12:00:00Z; or 2h for two hours ago.")
]
Until = Annotated[str | None, typer.Option("--until", metavar="TIME", help="End time, exclusive.")]
Reason = Annotated[str, typer.Option("--reason", help="The reason, recorded in the job's timeline.")]
StateOption = Annotated[
    str, typer.Option("--state", help="For a landed job with state: kept (the new epoch continues from it) or empty (it is given up).")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
PATIENCE_S = 10.0  # an operator waits


@contextmanager
def opened_store(settings: Settings) -> Iterator[CassandraStore]:
    """Open the store and close it afterwards. Raises NotRunning if it does not answer in time, now or later."""
    from weir.factory import store

    not_of_a_stopped_stack()
    found = store(settings, PATIENCE_S)
    try:
        yield found
    finally:
        found.close()


@contextmanager
def opened_manager() -> Iterator[Manager[Store]]:
    """Open the manager and close it afterwards. Raises NotRunning if the store does not answer in time."""
    found = connected()
    try:
        yield found
    finally:
        found.close()


def connected() -> Manager[Store]:
    """Return a manager; the caller closes it. Raises NotRunning if the store does not answer in time.

    The address of Spark comes from the embedded stack or `WEIR_SPARK_REST`; otherwise from Airflow's connection, as for its tasks, which
    takes a second to import. Another master than the job's would not know the job's drivers.
    """
    from weir.factory import manager
    from weir.jobs.folders import sound

    not_of_a_stopped_stack()
    settings = Settings.load()
    standalone = all(spec.cluster == "standalone" for spec in sound(*settings.job_folders).values())
    if standalone and settings.names_spark:
        return manager(settings)
    from weir.airflow.session import connect

    return connect()


def not_of_a_stopped_stack(setting: str = "WEIR_CASSANDRA_HOSTS", part: str = "cassandra") -> None:
    """Raise NotRunning if the address is not set, and of an embedded stack that is stopped: another stack may answer at its port by now."""
    from weir.local import folder
    from weir.local.state import SUPERVISOR, Record, StateFile

    state = home()
    if setting in os.environ or not folder.known(state):
        return
    records = StateFile(state).read()
    if not any(records.get(name, Record()).child() for name in (SUPERVISOR, part)):
        raise NotRunning(f"The stack in {state} is not running.", "Start it: weir up")


def spec_of(settings: Settings, store: JobStore, job: str, needs: Capability | None = None) -> JobSpec:
    """Return the spec in force, as Airflow's tasks do.

    Raises UnknownJob, BadSpec if its file is not valid and it is not deployed, or BadInput if its kind lacks what the command needs.
    """
    from weir.jobs import folders, specs

    found = specs.spec_of(folders.sound(*settings.job_folders), job, store.job(job))
    if needs:
        found.kind.require(job, needs)
    return found


def known(settings: Settings, store: SupervisionStore, job: str, needs: Capability | None = None) -> None:
    """Check that the job is known: landed counts stay readable after its spec is gone. Raises UnknownJob, BadSpec, BadInput."""
    if store.head(job) is None:
        spec_of(settings, store, job, needs)


@contextmanager
def opened_counts(job: str, needs: Capability) -> Iterator[Counts]:
    """Open a job's counts by its spec in force, and close the store afterwards. Raises UnknownJob, BadSpec, BadInput, NotRunning."""
    from weir.counts.work import By, Counts
    from weir.factory import source_of

    settings = Settings.load()
    with opened_store(settings) as store:
        by = By(who(), "asked for on the command line")
        yield Counts.of(store, source_of(settings), spec_of(settings, store, job, needs), int(time.time() * 1000), by)


def say_done(action: ActionResult) -> None:
    """Print what was done, or that there was nothing to do."""
    say(action.sentence if action.changed else f"Nothing to do: {action.sentence}")


def time_of(text: str | None, name: str) -> int | None:
    """Parse an option's time to ms: a time, or how long ago. Raises BadInput that names the option."""
    from weir.times import ago

    return None if text is None else ago(text, int(time.time() * 1000), name)


def who() -> str:
    """Return the name of the user of this machine, or `cli` if it has none, as in some containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "cli"
