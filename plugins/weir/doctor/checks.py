"""All checks of `weir doctor`, in the order of their lines."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from weir.doctor import airflow, cassandra, configuration, folders, kafka, machine, network, run, spark
from weir.doctor.line import Line, Question, failed
from weir.errors import WeirError
from weir.local.state import SUPERVISOR, Record, StateFile
from weir.settings import PROJECT, Settings, home


def examine(within_s: float = run.WITHIN_S) -> list[Line]:
    """Return a line for each thing that was checked. If the settings cannot be read, no server can be asked, and only they are named."""
    try:
        settings = Settings.load()
    except WeirError as error:
        wrong = [failed("settings", error), *configuration.variables(os.environ)]
        return wrong + run.run({"machine": lambda: machine.machine(PROJECT, embedded=True, running=False)}, within_s)
    return run.run(questions(settings), within_s)


def questions(settings: Settings) -> Mapping[str, Question]:
    state = Path(settings.home)
    embedded = is_embedded()
    return {
        "settings": lambda: configuration.settings(settings),
        "machine": lambda: machine.machine(state, embedded, _runs(state)),
        "folder of the code": lambda: [machine.clone()] if embedded else [],
        "state folder": lambda: configuration.state_folder(state),
        "jobs": lambda: configuration.jobs(settings),
        "alert rules": lambda: configuration.rules(settings),
        "names": lambda: network.names(settings),
        "Kafka": lambda: kafka.kafka(settings),
        "Cassandra": lambda: cassandra.cassandra(settings),
        "Spark": lambda: spark.spark(settings),
        "folders": lambda: folders.folders(settings),
        "Airflow": lambda: airflow.airflow(settings, embedded),
        "Weir's DAGs": lambda: [airflow.parsed()],
    }


def is_embedded() -> bool:
    """Return whether the servers are those of `weir up`: there is a stack, or no others are named. The port does not decide: your own
    Kafka may use the default port."""
    return (home() / "stack.json").exists() or not any(os.environ.get(name) for name in ("WEIR_KAFKA", "WEIR_CASSANDRA_HOSTS"))


def _runs(state: Path) -> bool:
    return StateFile(state).read().get(SUPERVISOR, Record()).child() is not None
