"""The Airflow DAG `weir_watch`: shows what the watch has done. The watch itself is one trigger in the triggerer for the whole fleet."""

from airflow.sdk import Asset, AssetWatcher

from weir.airflow.operators.catalogue import weir_dag
from weir.airflow.operators.health import RecordOperator, ShowOperator
from weir.airflow.triggers.watch import WatchTrigger

DOC = """
### The watch

**Does:** a trigger looks at all jobs every second. When a driver is dead or a stream is stuck, it lets the next attempt take over right
there, without waiting for a task. This DAG runs after that, so that people see it: `record` has the sentences, and one mapped task
`show` per job starts its restart DAG, which waits until the new attempt is ready.

**Runs:** whenever the watch has acted. No runs is good news. The watch needs the triggerer and the metadata database, not the scheduler.

**Paused:** this DAG paused means that the watch is off, and `weir_health` alone looks after the jobs. Airflow ends the watch when it reads
this file again: up to a minute later.

**If it fails:** nothing but the showing has failed. The job's timeline and `weir_health` tell what was done.
"""

trouble = Asset("weir_trouble", uri="weir://trouble", watchers=[AssetWatcher(name="weir_watch", trigger=WatchTrigger())])

with weir_dag("weir_watch", "What the watch over all jobs has done", DOC, ["watch"], schedule=[trouble]):
    record = RecordOperator(task_id="record")
    ShowOperator.partial(task_id="show", map_index_template="{{ task.job }}").expand(acted=record.output)
