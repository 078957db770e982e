"""The Airflow DAGs `<job>_restart`: the next attempt takes over from the same checkpoint."""

from airflow.sdk import Param

from weir.airflow.operators.catalogue import job_dag, jobs
from weir.airflow.operators.deploy import RestartOperator
from weir.airflow.operators.ready import ReadyOperator

DOC = """
### Restart {job}

**Does:** `restart` lets a new attempt of `{job}` take over from the same checkpoint. `ready` waits, without a worker, until it has landed a
batch or has nothing to read. The old driver ends; lines that it had not committed are counted by the new one.

**Runs:** when `weir_health` or `weir_watch` finds the job unhealthy, for the attempt that they judged. By hand at any time.

**If `restart` is skipped:** that attempt has been replaced already (the watch acts by itself within seconds, and this run only shows it),
or the job is healthy again.

**If it fails:** `ready` says why the new driver ended, or what it waits for. The watch tries again with growing pauses, until the restart
budget of the spec is used up. Then the verdict says so, and an operator must act: `weir health {job}`, `weir logs {job}`.

**If the verdict is data loss:** the broker no longer has lines that were not counted, or the topic was replaced. To continue where it can
still be read, trigger with `accept_loss` and a reason. The lost lines stay a gap in the ledger, and `recount` reports them.

Clearing, failing or killing these tasks never touches a driver.
"""

FORM = {
    "reason": Param("", type="string", title="Reason", description="Recorded in the timeline.", maxLength=2000),
    "accept_loss": Param(False, type="boolean", title="Accept the data loss (needs a reason)"),
    "attempt": Param(None, type=["null", "integer"], title="Only if this attempt is still the current one", minimum=0),
    "by": Param("", type="string", title="Set by automation: who judged the attempt", enum=["", "watch", "health"]),
}

for spec in jobs():
    with job_dag(spec, "restart", DOC, params=FORM):
        restart = RestartOperator(task_id="restart", job=spec.name)
        # If the restart is skipped, somebody else made it: `ready` then waits for that attempt.
        ready = ReadyOperator(task_id="ready", job=spec.name, within=spec.health.ready_within, trigger_rule="none_failed")
        restart >> ready
