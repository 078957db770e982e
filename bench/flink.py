"""The same work in Apache Flink, for `bench/recovery.py --flink DIR`: the same lines from the same topic, counted by 10 s pane, service and
level, exactly once, into a Kafka topic (a sink that Flink can write exactly once). Signatures are left out: Flink has no rules for them.

DIR is a distribution of Flink 2, a folder with `lib`. One way to get it, 330 MB:

    uv pip install --no-deps --target /tmp/flink apache-flink-libraries==2.3.0    # then: --flink /tmp/flink/pyflink

A task manager is killed, and the bench starts the next one at once, as a cluster manager would. With a spare, a second one waits (as with
`standby: warm`). The job manager lives on, as Spark's master does. `landed` is when a reader of committed records can read a count that was
made after the kill. Flink is configured for a quick recovery: a checkpoint a second, immediate restarts, and a task manager that counts as
lost within a second. Its JVMs start without a class archive.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pyspark
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import NewTopic
from py4j.java_gateway import JavaGateway
from py4j.protocol import Py4JJavaError

from drill.load import TOPIC, Cell
from weir.errors import StackFailed, TimedOut
from weir.local import jars, kafka
from weir.local.part import java
from weir.local.ports import next_free
from weir.local.process import Child

CONNECTOR = jars.Jar(
    "org.apache.flink:flink-sql-connector-kafka:5.0.0-2.2", "5605c691d11a501382c383fecba37a7a552467da5ab7ba904ef5d6f3d62c5616"
)
PANE_S, WITHIN_S = 10, 180.0
Group = tuple[int, str, str]  # pane (ms), service, level
OPENS = ("lang", "net", "io", "nio", "text", "time", "util", "util.concurrent", "util.concurrent.atomic", "util.concurrent.locks")
JVM = ("-Xmx1g", "-XX:+UseSerialGC", *(f"--add-opens=java.base/java.{name}=ALL-UNNAMED" for name in OPENS))
JOB_MANAGER = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint"
TASK_MANAGER = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner"
HEAD = r"^\[\w+ (\w+ +\d+ [\d:]+)[.\d]* (\d+)\] \[(?:[^\]:]*:)?(\w+)\] ?(?:\[pid [^\]]*\] ?)?(?:\[client [^\]]*\] ?)?(.*)$"
SQL = """
CREATE TABLE lines (service STRING, line STRING) WITH (
  'connector' = 'kafka', 'topic' = '{topic}', 'properties.bootstrap.servers' = '{kafka}', 'scan.startup.mode' = 'latest-offset',
  'key.format' = 'raw', 'key.fields' = 'service', 'value.format' = 'raw', 'value.fields-include' = 'EXCEPT_KEY')

CREATE TABLE counts (pane BIGINT, service STRING, level STRING, n BIGINT,
  PRIMARY KEY (pane, service, level) NOT ENFORCED) WITH (
  'connector' = 'upsert-kafka', 'topic' = '{counts}', 'properties.bootstrap.servers' = '{kafka}', 'key.format' = 'json',
  'value.format' = 'json', 'sink.delivery-guarantee' = 'exactly-once', 'sink.transactional-id-prefix' = 'flink',
  'properties.transaction.timeout.ms' = '60000')

INSERT INTO counts
SELECT pane, service, level, COUNT(*) FROM (
  SELECT service, level, event_s - MOD(event_s, {pane_s}) AS pane
  FROM (SELECT service, LOWER(REGEXP_EXTRACT(line, '{head}', 3)) AS level,
    UNIX_TIMESTAMP(CONCAT(REGEXP_EXTRACT(line, '{head}', 2), ' ', REGEXP_EXTRACT(line, '{head}', 1)), 'yyyy MMM d HH:mm:ss') AS event_s
    FROM lines))
GROUP BY pane, service, level
"""


CONFIG = """
jobmanager.rpc.address: 127.0.0.1
jobmanager.rpc.port: {rpc}
rest.address: 127.0.0.1
rest.bind-address: 127.0.0.1
rest.port: {rest}
execution.target: remote
execution.attached: false
parallelism.default: 1
execution.checkpointing.interval: 1s
execution.checkpointing.dir: file://{folder}/checkpoints
table.local-time-zone: UTC
table.exec.mini-batch.enabled: true
table.exec.mini-batch.allow-latency: 1s
table.exec.mini-batch.size: 5000
restart-strategy.type: fixed-delay
restart-strategy.fixed-delay.attempts: 1000000
restart-strategy.fixed-delay.delay: 100ms
heartbeat.interval: 500
heartbeat.rpc-failure-threshold: 2
taskmanager.host: 127.0.0.1
taskmanager.numberOfTaskSlots: 1
taskmanager.cpu.cores: 2
taskmanager.memory.framework.heap.size: 128m
taskmanager.memory.framework.off-heap.size: 128m
taskmanager.memory.jvm-metaspace.size: 256m
taskmanager.memory.jvm-overhead.min: 192m
taskmanager.memory.jvm-overhead.max: 192m
taskmanager.memory.task.heap.size: 640m
taskmanager.memory.task.off-heap.size: 0m
taskmanager.memory.managed.size: 64m
taskmanager.memory.network.min: 64m
taskmanager.memory.network.max: 64m
io.tmp.dirs: {folder}/tmp
"""


class Cluster:
    """A job manager, a task manager and perhaps a spare one, with the job running. Its files are in `home`."""

    def __init__(self, home: Path, distribution: Path, address: str, spare: bool) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self._home, self._kafka, self._started, self._counts = home, address, 0, Counts(address)
        self._class_path = ":".join([f"{distribution}/lib/*", str(jars.fetched(CONNECTOR))])
        rpc = next_free(6123, set())
        self._rest = next_free(rpc + 1, set())
        (home / "config.yaml").write_text(CONFIG.format(rpc=rpc, rest=self._rest, folder=home))
        (home / "log4j2.properties").write_text(kafka.LOG4J)
        self._manager = self._java("manager", JOB_MANAGER, "--configDir", str(home))
        self._workers: dict[str, Child] = {}
        for _ in range(1 + spare):
            self._add_worker()

    def start(self) -> None:
        """Submit the job, and wait until it runs."""
        self.until(self._ready, "its task managers have registered")
        sql = SQL.format(topic=TOPIC, counts=self._counts.topic, kafka=self._kafka, pane_s=PANE_S, head=HEAD.replace("'", "''"))
        with self._client() as client:
            config = client.org.apache.flink.configuration.GlobalConfiguration.loadConfiguration(str(self._home))
            api = client.org.apache.flink.table.api
            tables = api.TableEnvironment.create(api.EnvironmentSettings.newInstance().inStreamingMode().withConfiguration(config).build())
            for statement in sql.strip().split("\n\n"):
                tables.executeSql(statement)
        self.until(self._works, "its job has made a checkpoint")

    def counted(self) -> int:
        """Return how many lines the readable counts include."""
        self._counts.read()
        return self._counts.table.total()

    def kill_once(self) -> Mapping[str, float]:
        """Kill the active task manager. Return the seconds until a later count can be read, and the load average at the kill."""
        self.until(self._ready, "its task managers have registered")
        self._counts.read()
        load, busy = os.getloadavg()[0], self._busy()
        killed = time.time()
        os.kill(self._workers[busy].pid, signal.SIGKILL)
        self._workers.pop(busy).wait(WITHIN_S)
        self._add_worker()
        self.until(lambda: self._counts.read() > killed, "a count can be read again", every_s=0.02)
        return {"landed": time.time() - killed, "load": load}

    def differs(self, truth: Mapping[Cell, int]) -> str:
        """Wait until as many lines are counted, and return how the counts differ from what was sent; empty if they do not."""
        known: Counter[Group] = Counter()
        for (pane, service, level, _), n in truth.items():
            known[pane, service, level] += n
        lines = known.total()
        with contextlib.suppress(TimedOut):
            self.until(lambda: self.counted() >= lines, "all is counted")
        wrong = [group for group in known.keys() | self._counts.table.keys() if known[group] != self._counts.table[group]]
        return f"{len(wrong)} of {len(known)} counts differ, the first is {min(wrong)}" if wrong else ""

    def close(self) -> None:
        for child in (*self._workers.values(), self._manager):
            child.kill_group()

    @contextmanager
    def _client(self) -> Iterator[Any]:
        """Run a JVM that submits the job."""
        py4j = next((Path(pyspark.__file__).parent / "jars").glob("py4j-*.jar"))
        options = {"jarpath": str(py4j), "classpath": self._class_path, "javaopts": [*JVM], "java_path": java(), "die_on_exit": True}
        gateway = JavaGateway.launch_gateway(**options)
        try:
            yield gateway.jvm
        except Py4JJavaError as refused:
            raise StackFailed(f"Flink took no job: {refused}", f"Its logs are in {self._home}.") from None
        finally:
            gateway.shutdown()

    def _java(self, log: str, *command: str) -> Child:
        env = {**os.environ, "CLASSPATH": self._class_path}
        jvm = (*JVM, f"-Dlog4j2.configurationFile={self._home / 'log4j2.properties'}")
        return Child.start((java(), *jvm, *command), self._home / f"{log}.log", env, self._home)

    def _add_worker(self) -> None:
        self._started += 1
        name = f"worker-{self._started}"
        self._workers[name] = self._java(name, TASK_MANAGER, "--configDir", str(self._home), "-D", f"taskmanager.resource-id={name}")

    def _ask(self, path: str) -> dict[str, Any]:
        with contextlib.suppress(httpx.HTTPError):
            answer = httpx.get(f"http://127.0.0.1:{self._rest}{path}", timeout=5.0)
            if answer.is_success:
                return dict(answer.json())
        return {}

    def _free_slots(self) -> dict[str, int]:
        return {row["id"]: row["freeSlots"] for row in self._ask("/taskmanagers").get("taskmanagers", [])}

    def _ready(self) -> bool:
        return self._workers.keys() <= self._free_slots().keys()

    def _busy(self) -> str:
        return next(name for name, free in self._free_slots().items() if name in self._workers and not free)

    def _works(self) -> bool:
        jobs = self._ask("/jobs").get("jobs", [])
        return any(self._ask(f"/jobs/{job['id']}/checkpoints").get("counts", {}).get("completed", 0) > 1 for job in jobs)

    def until(self, so: Callable[[], object], what: str, every_s: float = 0.2) -> None:
        """Wait for a condition. Raises TimedOut."""
        end = time.monotonic() + WITHIN_S
        while not so():
            if time.monotonic() > end:
                raise TimedOut(f"Flink: it did not come to be that {what}.", f"Its logs are in {self._home}.")
            time.sleep(every_s)


class Counts:
    """The topic of the counts, read by a reader of committed records. `table` is its present content."""

    def __init__(self, address: str) -> None:
        self.topic = f"flink-counts-{time.time_ns()}"  # a kept stack still has the topics of earlier runs
        config = {"message.timestamp.type": "LogAppendTime"}
        admin = kafka.admin(address)  # keep a reference until it has answered
        admin.create_topics([NewTopic(self.topic, 1, 1, config=config)])[self.topic].result(30)
        settings = {"bootstrap.servers": address, "group.id": "flink", "isolation.level": "read_committed", "enable.auto.commit": False}
        self._consumer = Consumer(settings)
        self._consumer.assign([TopicPartition(self.topic, 0, 0)])
        self.table: Counter[Group] = Counter()
        self._newest = 0.0

    def read(self) -> float:
        """Read the topic to its end. Return when the newest record was appended (s since 1970)."""
        while messages := self._consumer.consume(1000, 0.05):
            for message in messages:
                if message.error() is None:
                    self._take(json.loads(message.key()), json.loads(message.value()), message.timestamp()[1] / 1000)
        return self._newest

    def _take(self, key: dict[str, Any], value: dict[str, Any], at: float) -> None:
        self.table[key["pane"] * 1000, key["service"], key["level"]] = value["n"]
        self._newest = max(self._newest, at)


@contextmanager
def running(home: Path, distribution: Path, address: str, spare: bool) -> Iterator[Cluster]:
    """Start a cluster with the job running."""
    with contextlib.closing(Cluster(home, distribution, address, spare)) as cluster:
        cluster.start()
        yield cluster
