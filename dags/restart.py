"""The Airflow DAGs `<job>_restart`: the next attempt takes over from the same checkpoint."""

from airflow.sdk import Param

from weir.airflow.operators.catalogue import job_dag, jobs
from weir.airflow.operators.deploy import RestartOperator
from weir.airflow.operators.ready import ReadyOperator

DOC = """
### Restart {job}

**Does:** `restart` lets a new attempt of `{job}` take over from the same checkpoint; `ready` waits, without a worker, until it has
landed a batch or has nothing to read. The former driver ends; what it had not landed counts for nothing.

**Runs:** when `weir_health` or `weir_watch` finds the job in trouble; they name the attempt that they judged. By hand at any time.

**If `restart` is skipped:** the attempt in question has been replaced already (the watch acts by itself, within seconds, and this run only
shows it), or nothing is wrong any more.

**If it fails:** `ready` says why the new driver ended, or what it waits for. The watch tries again by itself, with growing pauses, until
the budget of the spec is used up; then the verdict says so, and a person must look: `weir health {job}`, `weir logs {job}`.

**If the verdict is data loss:** the broker no longer has lines that were not counted, or the topic is another one. Trigger with
`accept_loss` and a reason to go on where it can still be read: what is lost stays a gap of the ledger, and `recount` reports it.

Clearing, failing or killing these tasks never touches a driver.
"""

FORM = {
    "reason": Param("", type="string", title="Reason", description="Why, in a few words. Kept in the timeline.", maxLength=2000),
    "accept_loss": Param(False, type="boolean", title="Give up what the broker no longer has (needs a reason)"),
    "attempt": Param(None, type=["null", "integer"], title="Only if this attempt is still the current one", minimum=0),
    "by": Param("", type="string", title="Set by automation: who judged the attempt", enum=["", "watch", "health"]),
}

for spec in jobs():
    with job_dag(spec, "restart", DOC, params=FORM):
        restart = RestartOperator(task_id="restart", job=spec.name)
        # A restart that is skipped was done by somebody else: then it is theirs that becomes ready.
        ready = ReadyOperator(task_id="ready", job=spec.name, within=spec.health.ready_within, trigger_rule="none_failed")
        restart >> ready
