"""The Airflow DAGs `<job>_deploy`: makes sure that the job runs with its present spec and code."""

from airflow.sdk import Param

from weir.airflow.operators.catalogue import job_dag, jobs
from weir.airflow.operators.deploy import DeployOperator
from weir.airflow.operators.ready import ReadyOperator

DOC = """
### Deploy {job}

**Does:** makes sure that `{job}` runs with the spec and code that are here. Already so: nothing changes. Otherwise the next attempt
takes over from the same checkpoint, and the old driver ends. Nothing is lost or counted twice. `deploy` first logs the plan: what changes,
whether the checkpoint or a new epoch is gone on from, and what was checked. What cannot be done is refused before anything stops.
With `to`, the job goes back to a version that was deployed before; `weir versions {job}` lists them.

**Runs:** by hand (Trigger, with a form). It has no schedule. `weir deploy {job}` does the same from the command line, without this DAG.

**If it fails:** `deploy` says what is wrong with the spec, the store or the cluster; nothing was changed if the spec was at fault.
`ready` says why the new driver ended, or what it waits for. A version that has never been ready and is itself at fault is taken back: the
last good one runs again, and the sentence says so. An outage takes nothing back; the watch goes on caring for the job in all cases.
Mend the cause and trigger again: it is safe at any time. `weir health {job}` and `weir logs {job}` tell more.

Clearing, failing or killing these tasks never touches a driver.
"""

FORM = {
    "reason": Param("", type="string", title="Reason", description="Why, in a few words. Kept in the timeline.", maxLength=500),
    "to": Param("", type="string", title="Go back to this version", pattern="^[0-9a-f]{0,12}$"),
    "force": Param(False, type="boolean", title="Replace the driver even if nothing has changed"),
}

for spec in jobs():
    with job_dag(spec, "deploy", DOC, params=FORM):
        ready = ReadyOperator(task_id="ready", job=spec.name, within=spec.health.ready_within, roll_back=True)
        DeployOperator(task_id="deploy", job=spec.name) >> ready
