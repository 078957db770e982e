"""The Airflow DAGs `<job>_fold`: deltas of closed hours become plain sums and roll-ups, proven and judged before they are published."""

from datetime import timedelta

from weir.airflow.operators.catalogue import job_dag, jobs
from weir.airflow.operators.counts import FoldOperator, PendingDaysOperator, PendingOperator, RollUpOperator, SweepOperator
from weir.jobs.kinds import Capability

DOC = """
### Fold the counts of {job}

**Does:** `pending` lists the closed hours and shards that batches wrote to since they were folded; a late line brings an old hour back.
`fold`, one mapped task per batch of them, sums up what is published and what has landed since, compares it with the ledger, lets Great
Expectations judge it, and only then publishes it, by compare-and-set, with its hour roll-up. `days` lists the closed days whose hours are
folded, and `roll_up` adds these up. `sweep` deletes what was replaced a while ago and no reader needs any more.

**Runs:** every 5 minutes. Airflow spreads the mapped tasks over as many workers as there are. May run twice or at once: readers see the
same sums throughout. The stream does not notice.

**If `fold` fails:** it names the hour and shard whose sums are not the ledger's, or the law that they break (WEIR-401). Nothing was
published for that hour, all others were. `weir recount {job}` tells which lines are concerned. Readers go on with the deltas, so counts
stay right meanwhile.

**If `roll_up` fails:** the same of a day. Readers take its hours instead.

**If `pending`, `days` or `sweep` fails:** the store did not answer. The next run does the work.
"""

for spec in jobs(Capability.FOLDS):
    with job_dag(spec, "fold", DOC, schedule=timedelta(minutes=5)):
        pending = PendingOperator(task_id="pending", job=spec.name)
        fold = FoldOperator.partial(task_id="fold", job=spec.name, map_index_template="{{ task.label }}")
        fold.expand(places=pending.output)
        # These need only what earlier runs published, so a failed fold does not stop them; a day waits for the run after its last fold.
        days = PendingDaysOperator(task_id="days", job=spec.name)
        roll_up = RollUpOperator.partial(task_id="roll_up", job=spec.name, map_index_template="{{ task.label }}")
        roll_up.expand(days=days.output)
        SweepOperator(task_id="sweep", job=spec.name)
