"""The Airflow DAGs `<job>_fold`: the deltas of closed hours become plain sums, proven before they are published."""

from datetime import timedelta

from weir.operators.catalogue import job_dag, jobs
from weir.operators.counts import FoldOperator, PendingOperator, SweepOperator

DOC = """
### Fold the counts of {job}

**Does:** `pending` lists the closed hours and shards that batches wrote to since they were folded; a late line brings an old hour back.
`fold`, one mapped task per batch of them, sums up what is published and what has landed since, compares it with the ledger, and only then
publishes it, by compare-and-set. `sweep` deletes what was folded a while ago and no reader needs any more.

**Runs:** every 5 minutes. Airflow spreads the mapped tasks over as many workers as there are. May run twice or at once: readers see the
same sums throughout. The stream does not notice.

**If `fold` fails:** it names the hour and shard whose sums are not the ledger's (WEIR-401). Nothing was published for that hour, all others
were. `weir recount {job}` tells which lines are concerned. Readers go on with the deltas, so counts stay right meanwhile.

**If `pending` or `sweep` fails:** the store did not answer. The next run does the work.
"""

for spec in jobs():
    with job_dag(spec, "fold", DOC, schedule=timedelta(minutes=5)):
        pending = PendingOperator(task_id="pending", job=spec.name)
        # A validation of the runs before their publication has its place inside `fold`, between the sum and the compare-and-set.
        fold = FoldOperator.partial(task_id="fold", job=spec.name, map_index_template="{{ task.label }}")
        fold.expand(places=pending.output)
        SweepOperator(task_id="sweep", job=spec.name)  # needs only what earlier runs published, so a failed fold does not stop it
