"""The Airflow DAGs `<job>_validate`: check closed panes with Great Expectations."""

from datetime import timedelta

from weir.airflow.operators.assets import validated
from weir.airflow.operators.catalogue import job_dag, jobs
from weir.airflow.operators.counts import ValidateOperator
from weir.jobs.kinds import Capability

DOC = """
### Validate the counts of {job}

**Does:** checks closed panes: the schema, no negative counts, panes aligned, the ledger's sums, folded sums equal to the deltas, freshness.
The result is written as Data Docs; the task links to them (Airflow serves them below `/weir/docs/`).

**Runs:** every 15 minutes. It only reads. A validation without a failure is an event of the asset `{job}_validated`.

**If it fails:** the message names the expectations that failed (WEIR-401). Its XCom `validation` has their numbers, and the Data Docs show
the rows. A validation that found nothing to check fails, too. `weir recount {job}` names the lines.
"""

for spec in jobs(Capability.VALIDATES):
    with job_dag(spec, "validate", DOC, schedule=timedelta(minutes=15)):
        ValidateOperator(task_id="validate", job=spec.name, outlets=[validated(spec.name)])
