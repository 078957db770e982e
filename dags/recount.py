"""The Airflow DAGs `<job>_recount`: count again, from Kafka, with code that shares nothing with the job."""

from datetime import timedelta

from airflow.sdk import Param

from weir.airflow.operators.assets import proven
from weir.airflow.operators.catalogue import job_dag, jobs
from weir.airflow.operators.counts import ProveOperator, RecountOperator, SpansOperator
from weir.jobs.kinds import Capability

DOC = """
### Recount {job}

**Does:** `spans` lists the hours that batches wrote to after what is proven. `recount` (one mapped task for each span) reads the lines that
the ledger names again from Kafka, counts them with a parser of its own, and compares by pane, service and level. If every span came out
equal, `prove` records how far the counts are proven. `weir jobs` shows it, and it is an event of the asset `{job}_proven`.

**Runs:** every hour; and by hand, with a form, for any span of event time. A run by form proves only its span: `prove` is skipped.

**If `recount` fails:** it says how many lines are missing or doubled and where the first ones are (WEIR-401); its XCom `recount` has all
differences. Or nothing could be checked, since the broker no longer has the lines. The stream continues. See `weir ledger {job}` for the
batches and `docs/runbook.md` for what to do. What is proven stays proven, and the next run takes the same hours again.

**If `prove` fails:** lines that landed had left the broker before they were recounted: its retention is shorter than the time between two
recounts. Extend the retention. The record says how many of all lines were checked.
"""

FORM = {
    "since": Param(
        None, type=["null", "string"], format="date-time", title="Since", description="Event time, such as 2026-01-31T12:00:00Z"
    ),
    "until": Param(None, type=["null", "string"], format="date-time", title="Until", description="Panes that begin before this"),
}

for spec in jobs(Capability.RECOUNTS):
    with job_dag(spec, "recount", DOC, schedule=timedelta(hours=1), params=FORM):
        spans = SpansOperator(task_id="spans", job=spec.name)
        recount = RecountOperator.partial(
            task_id="recount",
            job=spec.name,
            map_index_template="{{ task.label }}",
            execution_timeout=timedelta(hours=1),
            retries=1,
            max_active_tis_per_dag=2,  # a span of a busy day takes long: it must not hold every worker
        )
        mapped = recount.expand(span=spans.output)
        goal = spans.output["goal"]  # type: ignore[index]  # Airflow types `output` by its base class
        ProveOperator(task_id="prove", job=spec.name, goal=goal, recounts=mapped.output, outlets=[proven(spec.name)])
