"""Not a DAG: shows what is wrong with a job.yaml as an import error in Airflow, while the DAGs of all other jobs go on."""

from weir.errors import BadSpec
from weir.operators.catalogue import problems

if found := problems():
    raise BadSpec("\n".join(found), "The other jobs are not affected.")
