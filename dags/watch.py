"""The Airflow DAG `weir_watch`: show what the watch has done. The watch is one trigger in the triggerer for all jobs."""

from airflow.sdk import Asset, AssetWatcher

from weir.airflow.operators.catalogue import weir_dag
from weir.airflow.operators.health import RecordOperator, ShowOperator
from weir.airflow.triggers.watch import WatchTrigger

DOC = """
### The watch

**Does:** a trigger in Airflow's triggerer checks all jobs every second. When a driver is dead or a stream is stalled, it starts the next
attempt right there, without waiting for a task. This DAG runs afterwards to show it: `record` has the sentences, and one mapped task
`show` for each job starts its restart DAG, which waits until the new attempt is ready.

**Runs:** after the watch has acted. No runs is good news. The watch needs the triggerer and the metadata database, not the scheduler.

**If paused:** the watch is off, and only `weir_health` looks after the jobs. Airflow ends the watch when it reads this file again: up to a
minute later.

**If it fails:** only the display failed. The jobs' timelines and `weir_health` show what was done.
"""

trouble = Asset("weir_trouble", uri="weir://trouble", watchers=[AssetWatcher(name="weir_watch", trigger=WatchTrigger())])

with weir_dag("weir_watch", "Show what the watch has done", DOC, ["watch"], schedule=[trouble]):
    record = RecordOperator(task_id="record")
    ShowOperator.partial(task_id="show", map_index_template="{{ task.job }}").expand(acted=record.output)
