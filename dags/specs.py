"""Not a DAG: shows a job.yaml that is not valid as an import error in Airflow. The DAGs of all other jobs are not affected."""

from weir.airflow.operators.catalogue import problems
from weir.errors import BadSpec

if found := problems():
    raise BadSpec("\n".join(found), "The other jobs are not affected.")
