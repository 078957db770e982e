"""A counting stream whose driver is a pod: real Kafka and Cassandra, Weir's own manager, lines at a steady rate, and no Airflow.

Drivers are started by spark-submit through Airflow's Spark provider, as Airflow's tasks and the command line start them.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml

from spark_jobs.protocol.head import State
from tests.kubernetes import tenants
from tests.kubernetes.kubelet import Node
from tests.kubernetes.servers import ControlPlane
from tests.parts import make_topic, running
from weir.errors import NotRunning
from weir.jobs.folders import sound
from weir.local.spark import driver_jars
from weir.ports.store import Store
from weir.settings import PROJECT, Settings
from weir.supervise.judge.report import Report
from weir.supervise.manager import Manager

T = TypeVar("T")
JOB, TOPIC, PARTITIONS = "error_counts", "logs", 2
SERVICE = b"web"
IMAGE = "weir-job:1"
RATE = 100  # lines a second
PATIENCE_S = 600.0  # for a condition: other tests may run on the same two cores
CONTAINER = "spark-kubernetes-driver"


@dataclass(frozen=True)
class Seen:
    """What Weir said at a moment (s), if it was not what it said before."""

    at: float
    report: Report


@dataclass
class Stream:
    """The job, its manager, and what was seen of both. `watching` keeps the job alive as Airflow's watch does."""

    plane: ControlPlane
    nodes: dict[str, Node]
    settings: Settings
    namespace: str
    manager: Manager[Store]
    seen: list[Seen] = field(default_factory=list)
    latest: Report | None = None

    # what is

    @property
    def report(self) -> Report:
        assert self.latest, "the watch has reported nothing yet"
        return self.latest

    @property
    def attempt(self) -> int:
        head = self.manager.store.head(JOB)
        return head.attempt if head else 0

    @property
    def pod(self) -> str:
        """Return the pod of the newest driver; empty if none was submitted."""
        rows = self.manager.store.attempts(JOB, 1)
        return rows[0].submission_id.partition(":")[2] if rows else ""

    @property
    def landed(self) -> tuple[int, int]:
        """Return the newest landed batch and the attempt that landed it; zeros while a batch is claimed."""
        head = self.manager.store.head(JOB)
        return (head.batch_id, head.by) if head and head.has_batch and head.state is State.LANDED else (0, 0)

    def drivers(self) -> list[str]:
        """Return the driver pods whose process runs."""
        return [pod for node in self.nodes.values() for pod in list(node.containers) if pod.endswith("-driver")]

    def node_of(self, pod: str) -> Node:
        return next(node for node in self.nodes.values() if pod in node.containers)

    def describe(self, pod: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.plane.kubectl("get", "pod", pod, "-n", self.namespace, "-o", "json"))
        return found

    # what is waited for

    def until(self, condition: Callable[[], T | None], what: str, seconds: float = PATIENCE_S) -> T:
        """Wait for a condition and return what it returned."""
        deadline = time.monotonic() + seconds
        while not (answer := condition()):
            assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}\n{self.story()}"
            time.sleep(0.3)
        return answer

    def until_landed(self, after: int = 0) -> None:
        """Wait until a later attempt than `after` lands, and Weir says that all is well."""
        self.until(lambda: self.landed[1] > after and self.report.verdict in ("ok", "catching_up"), "a batch lands, and the verdict is ok")

    def story(self) -> str:
        """Return what Weir said, with seconds since the first word."""
        first = self.seen[0].at if self.seen else 0.0
        said = [f"{one.at - first:6.1f} s  {one.report.verdict:13} {one.report.sentence}" for one in self.seen[-30:]]
        return "\n".join([*said, self.plane.kubectl("get", "pods", "-A", "-o", "wide", check=False)])

    # what is done

    def deploy(self, reason: str) -> int:
        """Deploy the job, again while its store does not answer, as an operator would. Return the attempt."""

        def taken() -> int:
            try:
                return self.manager.deploy(JOB, "test", reason).attempt
            except NotRunning:  # Cassandra needed 14 s for a row beside other tests
                return 0

        return self.until(taken, "the deploy is taken")

    def change_spec(self, conf: dict[str, str]) -> dict[str, str]:
        """Change the job's Spark settings in its folder; a deploy then applies them. Return what they were."""
        file = Path(self.settings.jobs) / JOB / "job.yaml"
        spec = yaml.safe_load(file.read_text())
        before = {name: spec["spark_conf"][name] for name in conf}
        spec["spark_conf"] |= conf
        file.write_text(yaml.safe_dump(spec))
        self.manager.specs = sound(*self.settings.job_folders)
        return before

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Judge the job every two seconds, and let Weir act, as Airflow's watch does."""
        from weir.airflow.triggers.restart_pool import Hands

        ended, hands = threading.Event(), Hands()

        def watch() -> None:
            while not ended.wait(2.0):
                reports = self.manager.tick()
                self._note(next(report for report in reports if report.job == JOB))
                hands.attend(self.manager, reports)

        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _note(self, report: Report) -> None:
        self.latest = report
        last = self.seen[-1].report if self.seen else None
        if last is None or (last.verdict, _without_numbers(last.sentence)) != (report.verdict, _without_numbers(report.sentence)):
            self.seen.append(Seen(time.monotonic(), report))


def _without_numbers(sentence: str) -> str:
    return "".join(letter for letter in sentence if not letter.isdigit())


@contextlib.contextmanager
def lines(settings: Settings) -> Iterator[Callable[[], int]]:
    """Send lines at a steady rate until the end of the block, all acknowledged. Yields a function that says how many."""
    from drill.generator import Generator, Mix
    from weir.ingest import producer

    out, ended, sent = producer(settings.kafka), threading.Event(), [0]
    blocks = Generator(20, 1_600_000_000_000, Mix(services=(SERVICE.decode(),), events_per_s=RATE)).blocks()

    def send() -> None:
        while not ended.wait(1.0):
            for n, (service, text) in enumerate(next(blocks)):
                out.produce(TOPIC, text, service, n % PARTITIONS)
                sent[0] += 1
            out.poll(0)

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    try:
        yield lambda: sent[0]
    finally:
        ended.set()
        thread.join()
        assert out.flush(60) == 0


@contextlib.contextmanager
def stack(home: Path, plane: ControlPlane, nodes: dict[str, Node], namespace: str, **conf: str) -> Iterator[Stream]:
    """Start Kafka and Cassandra, and set Weir up for a tenant's namespace. Sets this process's environment."""
    from weir.cassandra.migrate import migrate

    with running(home, "kafka", "cassandra") as servers, _environment(home, plane, servers, namespace, conf):
        from weir.airflow.session import connect

        settings = Settings.load()
        migrate(settings)
        make_topic(settings, TOPIC, PARTITIONS)
        manager = connect()
        try:
            yield Stream(plane, nodes, settings, namespace, manager)
        finally:
            manager.close()


@contextlib.contextmanager
def _environment(home: Path, plane: ControlPlane, servers: Settings, namespace: str, conf: dict[str, str]) -> Iterator[None]:
    code = home / "code" / "spark_jobs"
    shutil.copytree(PROJECT / "spark_jobs", code, ignore=shutil.ignore_patterns("__pycache__"))
    checkpoints = home / "checkpoints"
    tenants.claim(plane, namespace, checkpoints)
    _write_spec(code / JOB / "job.yaml", plane, tenants.mounted(checkpoints) | conf)
    values = {
        "WEIR_HOME": str(home),
        "WEIR_KAFKA": servers.kafka,
        "WEIR_CASSANDRA_HOSTS": servers.cassandra_hosts,
        "WEIR_CASSANDRA_PORT": str(servers.cassandra_port),
        "WEIR_JOBS": str(code),
        "WEIR_SPARK_JARS": ",".join(map(str, driver_jars())),
        "AIRFLOW_HOME": str(home / "airflow"),
        "AIRFLOW_CONN_SPARK_DEFAULT": connection(home, plane, namespace),
    }
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def connection(home: Path, plane: ControlPlane, namespace: str) -> str:
    """Return the Airflow connection with which a tenant's Weir reaches the cluster."""
    file = home / f"{namespace}.token"
    file.write_text(tenants.token(plane, namespace))
    extra = {"namespace": namespace, "token-file": str(file), "ca-file": str(plane.ca)}
    return json.dumps({"conn_type": "spark", "host": "k8s://https://localhost", "port": plane.port, "extra": extra})


def _write_spec(file: Path, plane: ControlPlane, conf: dict[str, str]) -> None:
    """Let the job run on Kubernetes, with one small executor: what a user changes, and addresses of this machine."""
    spec = yaml.safe_load(file.read_text())
    spec["cluster"] = "kubernetes"
    spec["resources"] = {"executors": 1, "cores": 1, "driver_memory": "1g", "executor_memory": "512m"}
    spec["health"] |= {"ready_within": "10m", "stalled_after": "2m"}  # a first batch took two minutes beside other tests
    spec["restart"]["refill_after"] = "1m"  # more drivers are killed here in ten minutes than in a year
    spec["spark_conf"] |= {
        "spark.kubernetes.container.image": IMAGE,
        "spark.kubernetes.authenticate.driver.serviceAccountName": tenants.DRIVER,
        "spark.kubernetes.authenticate.executor.serviceAccountName": tenants.EXECUTOR,
        "spark.kubernetes.driver.master": plane.url,  # a pod finds its API server at kubernetes.default.svc where there is DNS
        "spark.kubernetes.executor.useDriverPodIP": "true",
        "spark.kubernetes.driver.request.cores": "500m",
        "spark.kubernetes.executor.request.cores": "500m",
        **tenants.NO_CLAIMS,
        **conf,
    }
    file.write_text(yaml.safe_dump(spec))


def recounted(stream: Stream) -> str:
    """Return what a recount found, in words. Fails if a line is missing or doubled, or if an attempt landed after its successor."""
    from weir.counts.progress import batches
    from weir.counts.recount import recount
    from weir.counts.rules import Rules

    store, source = stream.manager.store, stream.manager.source
    by = [head.by for head in batches(store, JOB) if head.has_batch and head.state is State.LANDED]  # newest first
    assert by == sorted(by, reverse=True), f"two drivers landed at once: {by}"
    found = recount(store, source, Rules.of(stream.manager.spec(JOB)))
    assert found.proven, found.sentence
    return f"{found.checked_lines} lines, missing {found.missing}, doubled {found.doubled}"
