"""The Airflow DAG `weir_health`: one tick over the whole fleet; the backstop of the watch."""

from datetime import timedelta

from weir.airflow.operators.catalogue import weir_dag
from weir.airflow.operators.health import TickOperator, TroubleOperator
from weir.airflow.operators.outage import away, back

# An Airflow DAG run costs about a second of a core, whatever it does; the watch is the quick eye.
EVERY = timedelta(seconds=30)

DOC = """
### Health of all jobs

**Does:** `tick` judges every job of Weir from outside: checkpoint and ledger against the broker's end offsets, and the cluster's word. The
verdicts, in words and with their evidence, are in its log and in its XCom `reports`; of more than 100 jobs, those of 100, the ones in
trouble first, and the number of each verdict. Only a job in trouble becomes a task `trouble` of its own, named after the job: it starts
the job's restart DAG, held to the attempt that was judged. A job that has landed since the last tick gets an event of its asset
`<job>_landed`.

**Runs:** every 30 seconds, as the backstop of `weir_watch`, which sees trouble within seconds. Both may act: the second one finds the
attempt replaced, and does nothing.

**If `tick` fails:** the store could not be reached, so nothing is known. No stream is touched for that. `weir status` says which part
is down. From the second time in a row on, the task itself tells the sinks of `rules/*.yaml`, and again every half hour; the inbox is in
the store.

**If `trouble` fails:** a person is needed. Its message says what is wrong, since the evidence is in it, and what to do next.
"""

with weir_dag("weir_health", "Judge all jobs and restart those that need it", DOC, ["health"], schedule=EVERY):
    # The next tick is the retry. Without the store nobody else can tell that it is away.
    tick = TickOperator(task_id="tick", retries=0, on_failure_callback=away, on_success_callback=back)
    TroubleOperator.partial(task_id="trouble", map_index_template="{{ task.job }}").expand(report=tick.output)
