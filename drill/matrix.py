"""All faults: importing this fills the matrix."""

from drill import airflow, checkpoint, dags, defects, deploys, driver, folding, loss, metadata, network, servers, source, tasks, workers
from drill.fault import MATRIX, Fault, chosen

PARTS = (airflow, checkpoint, dags, defects, deploys, driver, folding, loss, metadata, network, servers, source, tasks, workers)

__all__ = ["MATRIX", "PARTS", "Fault", "chosen"]
