"""A manager as production has it, over one plain job on real servers.

Only its store is in memory, and there is no broker: the job reads Spark's own rate source.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import psutil
import yaml

from weir.cluster.checkpoints import CheckpointFolders
from weir.errors import WeirError
from weir.factory import assemble
from weir.jobs.bundle import BundleFolder
from weir.jobs.folders import sound
from weir.ports.cluster import Cluster, DriverState
from weir.settings import Settings
from weir.supervise.judge.report import Report
from weir.supervise.manager import Manager
from weir.supervise.parts import Parts
from weir.testing import MemoryBroker, MemoryStore

from .parts import until

CODE = """\
import sys
from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
rows = spark.readStream.format("rate").option("rowsPerSecond", 1).load()
query = rows.writeStream.format("noop").option("checkpointLocation", sys.argv[1]).trigger(processingTime="1 second").start()
query.awaitTermination()
"""
FILES = {"ticks.py": CODE}
SMALL = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
CONF = {
    "spark.driver.extraJavaOptions": SMALL,
    "spark.executor.extraJavaOptions": SMALL,
    "spark.ui.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
}
Drivers = Callable[[str], Sequence[psutil.Process]]  # the JVM of a driver, by its submission id


class PlainRig:
    """One job, its manager, and a watch of the driver processes that there are. `act` does what the watch of Airflow's triggerer does."""

    def __init__(
        self, home: Path, name: str, cluster: Cluster, drivers: Drivers, spec: Mapping[str, Any], files: Mapping[str, str] = FILES
    ) -> None:
        self.home, self.name, self.cluster, self.processes_of = home, name, cluster, drivers
        kind = self._write(files, spec)
        self.settings = Settings(
            home=str(home), bundles=str(home / "bundles"), checkpoints=(home / "checkpoints").as_uri(), jobs=str(home / "folder")
        )
        self.store = MemoryStore()
        checkpoints = CheckpointFolders(self.settings.checkpoints)
        parts = Parts(self.store, {kind: cluster}, MemoryBroker(), checkpoints, BundleFolder(self.settings.bundles), self.settings)
        self.manager: Manager[Any] = assemble(sound(home / "folder"), parts)
        self.together: list[str] = []  # moments at which two drivers had processes
        self.sentences: list[str] = []
        self._stopping, self._thread = threading.Event(), threading.Thread(target=self._look_on, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join(10)
        for attempt in self.store.attempts(self.name):
            if attempt.submission_id:
                self.cluster.kill(attempt.submission_id)

    @property
    def driver(self) -> str:
        return self.row.submission_id

    @property
    def row(self) -> Any:
        head = self.store.head(self.name)
        assert head is not None
        return next(a for a in self.store.attempts(self.name) if a.attempt == head.attempt)

    @property
    def commits(self) -> int:
        return len(list(self.home.glob("checkpoints/**/commits/[0-9]*")))

    def deploy(self) -> None:
        self.manager.deploy(self.name, "ana", "a test")

    def await_commits(self, more: int = 1) -> None:
        """Wait for so many further batches, and let the manager act meanwhile."""
        before = self.commits
        until(lambda: (self.act(), self.commits >= before + more)[1], f"{self.name} commits {more} batches: {self.sentences[-3:]}")

    def look(self) -> Report:
        report = self.manager.health(self.name)
        if [str(report.sentence)] != self.sentences[-1:]:
            self.sentences.append(report.sentence)
        return report

    def act(self) -> Report:
        report = self.look()
        with suppress(WeirError):  # as the watch: it tries again
            self.manager.act(report)
        return report

    def await_state(self, *states: DriverState, seconds: float = 600) -> DriverState:
        seen: list[DriverState] = []

        def there() -> DriverState | None:
            state = self.cluster.state(self.driver)
            if state not in seen:
                seen.append(state)
            return state if state in states else None

        found: DriverState = until(there, f"the driver is {states}, it was {seen}", seconds)
        return found

    def processes(self, submission: str = "") -> list[psutil.Process]:
        """The JVM of a driver, the current one by default."""
        return list(self.processes_of(submission or self.driver))

    def _write(self, files: Mapping[str, str], spec: Mapping[str, Any]) -> str:
        """Write the job's folder; return the kind of its cluster."""
        folder = self.home / "folder" / self.name
        folder.mkdir(parents=True)
        for name, text in files.items():
            (folder / name).write_text(text)
        usual = {
            "name": self.name,
            "output": "plain",
            "application": next(iter(files)),
            "arguments": ["{checkpoint}"],
            "resources": {"executors": 1, "cores": 1, "driver_memory": "512m", "executor_memory": "512m"},
            "health": {"ready_within": "600s", "stalled_after": "600s"},
            "restart": {"backoff_first": "1s"},
        }
        (folder / "job.yaml").write_text(yaml.safe_dump({**usual, **spec, "spark_conf": {**CONF, **spec.get("spark_conf", {})}}))
        return str(spec["cluster"])

    def _look_on(self) -> None:
        while not self._stopping.wait(0.5):
            with suppress(AssertionError, WeirError):
                known = [a.submission_id for a in self.store.attempts(self.name) if a.submission_id]
                alive = [one for one in known if self.processes_of(one)]
                if len(alive) > 1:
                    self.together.append(" ".join(alive))
