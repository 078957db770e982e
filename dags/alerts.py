"""The Airflow DAG `weir_alerts`: evaluate alert rules and verdicts, and deliver messages."""

from datetime import timedelta

from weir.airflow.operators.alerts import AlertOperator
from weir.airflow.operators.catalogue import weir_dag

DOC = """
### Alerts of all jobs

**Does:** `alert` evaluates each rule in `rules/*.yaml` once on every window that has closed since the last run, and again on windows that
late lines changed. It opens and resolves incidents by the rules and by the jobs' verdicts, and delivers waiting messages to the inbox and
to Airflow's connections. See docs/alerts.md for rules, sinks and delivery.

**Runs:** every 30 seconds. After an outage it evaluates the missed windows and marks the messages late. It may run twice or at once: each
message is sent once.

**If it fails:** the message gives the reason: the store did not answer (WEIR-201), a rules file is not valid (WEIR-104), or a sink keeps
refusing messages (WEIR-501). Nothing is lost: a later run evaluates and sends the rest. Test a sink with `weir alerts test SINK`.

**If paused:** no alerts are sent. After you unpause it, missed alerts are sent and marked late.
"""

with weir_dag("weir_alerts", "Evaluate alert rules and deliver messages", DOC, ["alerts"], schedule=timedelta(seconds=30)):
    AlertOperator(task_id="alert", retries=0)  # the next run is the retry
