"""The Airflow DAG `weir_health`: one tick over all jobs, the backstop of the watch."""

from datetime import timedelta

from weir.airflow.operators.catalogue import weir_dag
from weir.airflow.operators.health import TickOperator, TroubleOperator
from weir.airflow.operators.outage import away, back

# A DAG run costs about a second of a core, whatever it does; the watch is what reacts quickly.
EVERY = timedelta(seconds=30)

DOC = """
### Health of all jobs

**Does:** `tick` judges every job from outside the driver: checkpoint and ledger, the broker's end offsets, and the cluster. The verdicts
with their evidence are in its log and in its XCom `reports` (for more than 100 jobs: the worst 100, and the number of each verdict). Each
unhealthy job becomes a task `trouble`, named after the job: it starts the job's restart DAG for the attempt that was judged. A job that
landed something since the last tick gets an event of its asset `<job>_landed`.

**Runs:** every 30 seconds, as the backstop of `weir_watch`, which acts within seconds. If both act, the second finds the attempt replaced
and does nothing.

**If `tick` fails:** the store could not be reached, so the state of all jobs is unknown. No stream is touched. `weir status` shows which
service is down. From the second failure in a row on, the task notifies the sinks in `rules/*.yaml`, again every half hour, except the
inbox, which is in the store.

**If `trouble` fails:** the job needs an operator. The message says what is wrong and what to do next.
"""

with weir_dag("weir_health", "Judge all jobs and restart those that need it", DOC, ["health"], schedule=EVERY):
    # The next tick is the retry. If the store is away, only this callback can notify anybody.
    tick = TickOperator(task_id="tick", retries=0, on_failure_callback=away, on_success_callback=back)
    TroubleOperator.partial(task_id="trouble", map_index_template="{{ task.job }}").expand(report=tick.output)
