"""The Airflow DAGs `<job>_deploy`: make the job run with its present spec and code."""

from airflow.sdk import Param

from weir.airflow.operators.catalogue import job_dag, jobs
from weir.airflow.operators.deploy import DeployOperator
from weir.airflow.operators.ready import ReadyOperator

DOC = """
### Deploy {job}

**Does:** makes `{job}` run with the spec and code of this installation. If they run already, nothing changes. Otherwise the next attempt
takes over from the same checkpoint, and the old driver ends. Nothing is lost or counted twice. `deploy` first logs the plan: the changes,
whether the same checkpoint or a new epoch is used, and all checks. A deploy that cannot work is refused before anything stops. With
`to`, the job goes back to a deployed version; `weir versions {job}` lists them.

**Runs:** by hand (Trigger, with a form). It has no schedule. `weir deploy {job}` does the same on the command line, without this DAG.

**If it fails:** `deploy` says what is wrong with the spec, the store or the cluster; if the spec is at fault, nothing was changed. `ready`
says why the new driver ended, or what it waits for. A version that has never been ready and fails by its own error is rolled back: the
last good version runs again, and the message says so. An outage causes no rollback. The watch keeps looking after the job in all cases.
Fix the cause and trigger again; that is safe at any time. See `weir health {job}` and `weir logs {job}`.

Clearing, failing or killing these tasks never touches a driver.
"""

FORM = {
    "reason": Param("", type="string", title="Reason", description="Recorded in the timeline.", maxLength=500),
    "to": Param("", type="string", title="Go back to this version", pattern="^[0-9a-f]{0,12}$"),
    "force": Param(False, type="boolean", title="Replace the driver even if nothing has changed"),
}

for spec in jobs():
    with job_dag(spec, "deploy", DOC, params=FORM):
        ready = ReadyOperator(task_id="ready", job=spec.name, within=spec.health.ready_within, roll_back=True)
        DeployOperator(task_id="deploy", job=spec.name) >> ready
