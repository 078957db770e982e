"""All parts of a stack, and the order in which they stop."""

from __future__ import annotations

from weir.local import airflow, cassandra, kafka, postgres, spark
from weir.local.part import Part, Stack

AIRFLOW = ("airflow-scheduler", "airflow-triggerer", "airflow-dag-processor", "airflow-api-server")
# Airflow first, so that it does not see an outage; then the drivers with their worker, then the servers they write to.
STOP_ORDER = (
    AIRFLOW,
    ("spark-worker",),
    ("spark-master", "kafka", "cassandra", "postgres"),
)


def all_parts(stack: Stack) -> list[Part]:
    brokers = [kafka.part(stack), cassandra.part(stack), postgres.part(stack)]
    return [*brokers, spark.master(stack), spark.worker(stack), *airflow.parts(stack)]
