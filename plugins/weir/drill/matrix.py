"""All faults: importing this fills the matrix."""

from weir.drill import (
    airflow,
    checkpoint,
    dags,
    defects,
    deploys,
    driver,
    folding,
    loss,
    metadata,
    network,
    servers,
    source,
    tasks,
    workers,
)
from weir.drill.fault import MATRIX, Fault, chosen

PARTS = (airflow, checkpoint, dags, defects, deploys, driver, folding, loss, metadata, network, servers, source, tasks, workers)

__all__ = ["MATRIX", "PARTS", "Fault", "chosen"]
