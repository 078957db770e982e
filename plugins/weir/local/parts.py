"""All parts of a stack, and the order in which they stop."""

from __future__ import annotations

from collections.abc import Collection

from weir.local import airflow, cassandra, collector, history, kafka, postgres, spark
from weir.local.part import Part, Stack

AIRFLOW = ("airflow-scheduler", "airflow-triggerer", "airflow-dag-processor", "airflow-api-server")
# Airflow first, so that it does not see an outage; then the drivers with their worker, then the servers they write to.
STOP_ORDER = (
    (*AIRFLOW, "collect"),
    ("spark-worker",),
    ("spark-master", "spark-history", "kafka", "cassandra", "postgres"),
)


def groups_to_stop(names: Collection[str]) -> list[list[str]]:
    """Return these parts in the order in which they stop; those of a group stop together."""
    groups = [[name for name in group if name in names] for group in STOP_ORDER]
    return [group for group in groups if group]


def all_parts(stack: Stack) -> list[Part]:
    brokers = [kafka.part(stack), cassandra.part(stack), postgres.part(stack)]
    shown = [history.part(stack, history.logs(stack).as_uri())] if stack.history else []
    collecting = [collector.part(stack)] if stack.collect else []
    return [*brokers, *collecting, spark.master(stack), spark.worker(stack), *shown, *airflow.parts(stack)]
