"""A manager as production has it, over landed jobs on real servers. Drivers are processes of this machine, as a worker would start them."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import yaml

from spark_jobs.protocol.head import Head
from spark_jobs.runtime.contract import pid_of
from tests.parts import MODULES, _parts, make_topic, new_stack, running_stack, start_driver, until
from tests.stores.servers import FileStore
from weir.addresses import address
from weir.cassandra.migrate import migrate
from weir.cassandra.store import CassandraStore
from weir.cluster.checkpoints import CheckpointFolders
from weir.cluster.source_folders import SourceFolders
from weir.errors import WeirError
from weir.factory import assemble
from weir.jobs.bundle import BundleFolder
from weir.jobs.folders import sound
from weir.local import postgres
from weir.local.part import Stack
from weir.ports.cluster import DriverState, Submission
from weir.settings import Settings
from weir.sources.kafka import KafkaBroker
from weir.supervise.manager import Manager
from weir.supervise.parts import Parts
from weir.supervise.preflight import rehearsal

JOBS = Path(__file__).parent / "jobs"
# Arrow, which carries rows to Python, needs what Spark opens when it starts a JVM itself.
OPENS = "--add-opens=java.base/java.nio=ALL-UNNAMED --add-opens=java.base/sun.nio.ch=ALL-UNNAMED"
SMALL = f"-XX:TieredStopAtLevel=1 -XX:+UseSerialGC {OPENS} -Dio.netty.tryReflectionSetAccessible=true"
ROCKSDB = "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider"
HEAP = "org.apache.spark.sql.execution.streaming.state.HDFSBackedStateStoreProvider"
CONF = {
    "spark.driver.extraJavaOptions": SMALL,
    "spark.ui.enabled": "false",
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.streaming.stateStore.providerClass": ROCKSDB,
    "spark.sql.streaming.checkpointFileManagerClass": (
        "org.apache.spark.sql.execution.streaming.checkpointing.FileSystemBasedCheckpointFileManager"
    ),
}


class ProcessCluster:
    """Implements weir.ports.cluster.Cluster: each driver is a process group of this machine."""

    def __init__(self, stack: Stack, env: Callable[[], Mapping[str, str]]) -> None:
        self._stack, self._env, self._ids = stack, env, itertools.count(1)
        self.drivers: dict[str, subprocess.Popen[bytes]] = {}

    def submit(self, submission: Submission) -> str:
        one = f"driver-{next(self._ids)}"
        submission = Submission(**{**submission.__dict__, "env": {**submission.env, **self._env()}})
        self.drivers[one] = start_driver(self._stack, submission, self.log(one))
        return one

    def log(self, submission_id: str) -> Path:
        return self._stack.home / f"{submission_id}.log"

    def state(self, submission_id: str) -> DriverState:
        driver = self.drivers.get(submission_id)
        if driver is None:
            return DriverState.UNKNOWN
        code = driver.poll()
        return DriverState.RUNNING if code is None else DriverState.FINISHED if code == 0 else DriverState.FAILED

    def states_of(self, submission_ids: Collection[str]) -> Mapping[str, DriverState]:
        return {one: self.state(one) for one in submission_ids}

    def kill(self, submission_id: str) -> None:
        """Leave a superseded driver alone: the fences must hold it back, and it ends by itself."""

    def ending(self, submission_id: str) -> str:
        return self.log(submission_id).read_text()[-4000:]

    def log_link(self, submission_id: str) -> str:
        return ""

    def refusal(self) -> str:
        return ""

    def room(self) -> None:
        return None

    def waits_for(self, asked: Collection[str], jobs: Mapping[str, str]) -> Mapping[str, str]:
        return {}

    def end_all(self) -> None:
        for driver in self.drivers.values():
            for sign in (signal.SIGCONT, signal.SIGKILL):
                with suppress(ProcessLookupError):
                    os.killpg(driver.pid, sign)
            driver.wait(30)


class LandedRig:
    """Landed jobs, their manager, and the servers. `act` does what the watch in Airflow's triggerer does."""

    def __init__(self, stack: Stack, settings: Settings, files: FileStore | None = None) -> None:
        home, self.files = Path(settings.home), files
        settings = files.settings(settings, "checkpoints") if files else replace(settings, checkpoints=(home / "checkpoints").as_uri())
        self.stack, self.failpoints, self.jobs = stack, home / "failpoints", home / "jobs"
        self.settings = replace(settings, bundles=str(home / "bundles"), jobs=str(self.jobs))
        self.jobs.mkdir(exist_ok=True)
        self.store = CassandraStore.connect(address(self.settings), 60)
        self.cluster = ProcessCluster(stack, lambda: {"WEIR_FAILPOINTS": str(self.failpoints)})
        self.sentences: list[str] = []
        self._stopping, self._watch = threading.Event(), threading.Thread(target=self._look_on, daemon=True)
        self._watched: set[str] = set()

    def add(self, name: str, spec: Mapping[str, Any], more_conf: Mapping[str, str] | None = None) -> None:
        """Add a job with the code of `jobs/<code>`, or of a folder of its own. Of a spec there, the fields of `spec` are replaced."""
        code = JOBS / str(spec.get("code", name))
        shutil.copytree(code, self.jobs / name, dirs_exist_ok=True)
        file = self.jobs / name / "job.yaml"
        own = yaml.safe_load(file.read_text()) if file.exists() else {}
        resources = {"executors": 0, "cores": 2, "driver_memory": "900m"}
        health = {"ready_within": "600s", "stalled_after": "300s"}  # a machine that tests share may be slow
        here = {"health": health, "name": name, "output": "landed", "resources": resources, "trigger": "200ms"}
        conf = {**CONF, **own.get("spark_conf", {}), "spark.driver.extraJavaOptions": SMALL, **(more_conf or {})}
        wanted = {key: value for key, value in spec.items() if key != "code"}
        file.write_text(yaml.safe_dump({**own, **here, "spark_conf": conf, **wanted}, sort_keys=False))

    @property
    def manager(self) -> Manager[Any]:
        parts = Parts(
            self.store,
            {"standalone": self.cluster},
            KafkaBroker(self._kafka()),
            CheckpointFolders(self.settings.checkpoints, self.settings),
            BundleFolder(self.settings.bundles),
            self.settings,
            folders=SourceFolders(self.settings),
            rehearse=rehearsal(self.settings.driver_python),
        )
        return assemble(sound(self.jobs), parts)

    def _kafka(self) -> Any:
        from weir.addresses import kafka_address

        return kafka_address(self.settings)

    def deploy(self, job: str) -> None:
        """Deploy, and watch the job from now on."""
        self.manager.deploy(job, "ana", "a test")
        self.watch(job)

    def watch(self, job: str) -> None:
        """Let the job be judged, and started again, from now on."""
        self._watched.add(job)
        if not self._watch.is_alive():
            self._watch.start()

    def unwatch(self, job: str) -> None:
        self._watched.discard(job)

    def restore_store(self, job: str, older: Head) -> None:
        """Put an older head in place of the present one, and remove all that the ledger has after it, as a restored copy would lack it."""
        now = self.store.head(job)
        assert now and self.store.swap(now, older)
        for head in list(self.store.ledger_after(job, older.position)):
            day = f"{datetime.fromtimestamp(head.write_ts / 1e6, UTC):%Y-%m-%d}"
            what = f"job = '{job}' AND day = '{day}' AND attempt = {head.by} AND batch_id = {head.batch_id}"
            self.store.session.execute(f"DELETE FROM ledger WHERE {what}")

    def stop(self, job: str) -> None:
        """Stop a job, and end its drivers: two sessions at once are slow on two cores."""
        self._watched.discard(job)
        self.manager.stop(job, "ana", "the test is over")
        self.cluster.end_all()

    def head(self, job: str) -> Any:
        return self.store.head(job)

    def pid(self, job: str) -> int:
        """Return the JVM of the current driver once it has begun; 0 before."""
        head = self.store.head(job)
        pid = pid_of(head.incarnation) if head else 0
        return pid if pid and psutil.pid_exists(pid) else 0

    def await_landed(self, job: str, seconds: float = 180) -> None:
        """Wait until everything in the topics has landed. Drivers may end and be replaced meanwhile."""
        until(lambda: self._drained(job), f"{job} has landed all: {self.sentences[-4:]}", seconds)

    def _drained(self, job: str) -> bool:
        head, manager = self.store.head(job), self.manager
        spec = manager.spec(job)
        ends = {(t, p): end for t in spec.source.names for p, end in manager.source.end_offsets(t).items()}
        names = head.names or {head.topic_id: spec.source.names[0]}
        done = {(names[p.source], p.number): end for p, end in head.end.items()}
        return head.state == "landed" and all(done.get(at, 0) == end for at, end in ends.items())

    def _look_on(self) -> None:
        manager = self.manager
        while not self._stopping.wait(0.3):
            manager.specs = sound(self.jobs)  # jobs come and go
            for job in list(self._watched):
                with suppress(WeirError):
                    report = manager.health(job)
                    if report.sentence not in self.sentences[-1:]:
                        self.sentences.append(report.sentence)
                    manager.act(report)

    def produce(self, topic: str, records: Iterable[tuple[bytes, bytes]], transactional: bool = False) -> None:
        from confluent_kafka import Producer

        producer = Producer({"bootstrap.servers": self.settings.kafka, "linger.ms": 20, "queue.buffering.max.messages": 500_000})
        for key, value in records:
            producer.produce(topic, value, key)
        assert producer.flush(60) == 0

    def make_topic(self, topic: str, partitions: int = 2) -> None:
        make_topic(self.settings, topic, partitions)

    def sql(self, statement: str) -> list[Any]:
        import psycopg2

        known = {"host": "127.0.0.1", "port": self.stack.ports["postgres"], "user": postgres.USER, "dbname": "postgres"}
        connection = psycopg2.connect(**known, password=self.stack.secrets["postgres"])
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(statement)
                return list(cursor.fetchall()) if cursor.description else []
        finally:
            connection.close()

    def postgres_sink(self, table: str, **more: Any) -> dict[str, Any]:
        secret = self.stack.home / "postgres-password"
        secret.write_text(self.stack.secrets["postgres"])
        known = {"kind": "postgresql", "host": "127.0.0.1", "port": self.stack.ports["postgres"], "database": "postgres"}
        return {**known, "user": postgres.USER, "table": table, "password_file": str(secret), **more}

    def close(self) -> None:
        self._stopping.set()
        if self._watch.is_alive():
            self._watch.join(30)
        self.cluster.end_all()
        self.store.close()


@contextmanager
def landed_rig(home: Path, *parts: str, files: FileStore | None = None) -> Iterator[LandedRig]:
    """Start the parts, or all of Kafka, Cassandra and PostgreSQL, and yield a rig over them. `files` is where its checkpoints are."""
    stack = new_stack(home)
    assert MODULES["postgres"]
    with running_stack(stack, *_parts(stack, parts or ("kafka", "cassandra", "postgres"))):
        settings = Settings(home=str(home), kafka=stack.address("kafka"), cassandra_port=stack.ports["cassandra"])
        migrate(settings)
        rig = LandedRig(stack, settings, files)
        try:
            yield rig
        finally:
            rig.close()
