"""Not a DAG: shows what is wrong with a job.yaml as an import error in Airflow, while the DAGs of all other jobs go on."""

from weir.airflow.operators.catalogue import problems
from weir.errors import BadSpec

if found := problems():
    raise BadSpec("\n".join(found), "The other jobs are not affected.")
