"""The Airflow DAGs `<job>_fold`: fold closed hours into proven sums and roll-ups."""

from datetime import timedelta

from weir.airflow.operators.catalogue import job_dag, jobs
from weir.airflow.operators.counts import FoldOperator, PendingDaysOperator, PendingOperator, RollUpOperator, SweepOperator
from weir.jobs.kinds import Capability

DOC = """
### Fold the counts of {job}

**Does:** `pending` lists the closed hours and shards that batches wrote to since the last fold; a late line makes an old hour due again.
`fold` (one mapped task for each batch of them) adds what has landed to the published sums, compares the result with the ledger, has Great
Expectations check it, and only then publishes it, with its hour roll-up. `days` lists the closed days whose hours are folded, and
`roll_up` adds them up. `sweep` deletes replaced data that no reader needs any more.

**Runs:** every 5 minutes. Airflow spreads the mapped tasks over all workers. It may run twice or at once: readers always see the same sums.
The stream is not affected.

**If `fold` fails:** it names the hour and shard whose sums differ from the ledger, or the expectation that failed (WEIR-401). That hour was
not published; all others were. `weir recount {job}` names the lines. Counts stay right, since readers keep using the deltas.

**If `roll_up` fails:** the same for a day. Readers use its hours instead.

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
