"""The Airflow DAG `weir_alerts`: rules over closed windows and the jobs' verdicts become incidents, and their messages are delivered."""

from datetime import timedelta

from weir.airflow.operators.alerts import AlertOperator
from weir.airflow.operators.catalogue import weir_dag

DOC = """
### Alerts of all jobs

**Does:** `alert` evaluates each rule of `rules/*.yaml` on every window that has closed since the last run, once, and again where late lines
have changed one; opens and resolves incidents by that and by the jobs' verdicts; and delivers the messages that wait in the outbox to the
inbox and to Airflow's connections. docs/alerts.md has the rules, the sinks and the promises.

**Runs:** every 30 seconds. After an outage the windows that were missed are evaluated, and marked late. May run twice or at once: one of
them decides, and each message is sent once.

**If it fails:** the message says why: the store did not answer (WEIR-201), a file of rules does not fit (WEIR-104), or a sink refuses
messages again and again (WEIR-501). Nothing is lost: what is waiting is evaluated and sent by a later run. `weir alerts test SINK` tries a
sink.

**Paused:** nobody is alerted. What happens meanwhile is told, late, when it goes on.
"""

with weir_dag("weir_alerts", "Evaluate alert rules and deliver messages", DOC, ["alerts"], schedule=timedelta(seconds=30)):
    AlertOperator(task_id="alert", retries=0)  # the next run is the retry
