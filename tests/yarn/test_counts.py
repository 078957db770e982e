"""error_counts on YARN with real Kafka and Cassandra: whatever is killed, each line is counted once. `make test-yarn` runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from drill.generator import Generator, Mix
from tests.fault_table import Row
from tests.parts import running, until
from tests.yarn.rig import cluster_of, spark_conf
from tests.yarn.servers import Yarn, kill
from weir.cassandra.migrate import migrate
from weir.errors import WeirError
from weir.factory import manager
from weir.local.spark import driver_jars
from weir.ports.cluster import Cluster, DriverState
from weir.settings import OWN_JOBS, Settings
from weir.supervise.manager import Manager

pytestmark = [pytest.mark.stack, pytest.mark.skipif(not os.environ.get("WEIR_TEST_YARN"), reason="make test-yarn runs it")]
JOB = "counts_on_yarn"


class Counts:
    """The job, its manager, and the lines that were sent to it."""

    def __init__(self, settings: Settings, cluster: Cluster) -> None:
        self.settings, self.cluster, self.sent = settings, cluster, 0
        self.manager: Manager[Any] = manager(settings, {"yarn": cluster})
        self._lines = Generator(33, 1_583_020_800_000, Mix(services=("web",), events_per_s=2000, bad_share=0)).blocks()
        self._file = Path(settings.home) / "lines.log"

    @property
    def driver(self) -> str:
        head = self.manager.store.head(JOB)
        rows = self.manager.store.attempts(JOB)
        return next((row.submission_id for row in rows if head and row.attempt == head.attempt), "")

    def send(self) -> None:
        block = next(self._lines)
        self._file.write_bytes(b"".join(line + b"\n" for _, line in block))
        self.weir("ingest", str(self._file), "--service", "web", "--topic", JOB, "--create", "--from-start")
        self.sent += len(block)

    def act(self) -> str:
        report = self.manager.health(JOB)
        try:
            self.manager.act(report)
        except WeirError as error:
            return f"{report.sentence}: {error}"
        return report.sentence

    def await_counted(self) -> str:
        """All that was sent has landed, once each."""
        said: list[str] = []

        def landed() -> bool:
            said.append(self.act())
            return self.manager.observe(JOB).lag == 0

        until(landed, f"all has landed: {said[-3:]}", 400)
        proof = json.loads(self.weir("recount", JOB, "--format", "json"))
        assert (proof["missing"], proof["doubled"]) == (0, 0), proof
        rows = json.loads(self.weir("counts", "--job", JOB, "--all", "--window", "1h", "--levels", "all", "--format", "json"))
        assert sum(row["n"] for row in rows) == self.sent
        return f"{self.sent} lines counted, none missing, none twice"

    def weir(self, *arguments: str) -> str:
        names = ("home", "kafka", "cassandra_port", "cassandra_keyspace", "jobs", "checkpoints", "bundles")
        env = {**os.environ, **{f"WEIR_{name.upper()}": str(getattr(self.settings, name)) for name in names}}
        env.pop("JDK_JAVA_OPTIONS", None)
        command = [sys.executable, "-m", "weir", *arguments]
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, f"{arguments}: {done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def counts(yarn: Yarn, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counts]:
    home = tmp_path_factory.mktemp("counts")
    with running(home, "kafka", "cassandra") as found:
        folder = home / "jobs" / JOB
        folder.mkdir(parents=True)
        (folder / "job.yaml").write_text(spec(yarn))
        connectors = ",".join(map(str, driver_jars()))
        found = replace(
            found,
            jobs=str(home / "jobs"),
            checkpoints=(home / "checkpoints").as_uri(),
            bundles=str(home / "bundles"),
            spark_jars=connectors,
            cassandra_keyspace="weir_on_yarn",
        )
        migrate(found)
        rig = Counts(found, cluster_of(yarn))
        yield rig
        rig.cluster.kill(rig.driver)
        rig.manager.close()


def spec(yarn: Yarn) -> str:
    usual = yaml.safe_load((OWN_JOBS / "error_counts" / "job.yaml").read_text())
    conf = {**usual["spark_conf"], **spark_conf(yarn.home), "spark.ui.enabled": "false"}
    resources = {"executors": 1, "cores": 1, "driver_memory": "768m", "executor_memory": "512m"}
    health = {**usual["health"], "ready_within": "300s", "stalled_after": "200s"}
    own = {"name": JOB, "cluster": "yarn", "source": {"topic": JOB}, "resources": resources, "spark_conf": conf, "health": health}
    usual["restart"].pop("larger_memory")
    return yaml.safe_dump({**usual, **own})


def test_each_line_is_counted_once_whatever_is_killed(yarn: Yarn, counts: Counts, row: Row) -> None:
    with row("error_counts: deploy") as said:
        counts.send()
        counts.manager.deploy(JOB, "ana", "a test")
        said(counts.await_counted())
    with row("error_counts: driver kill -9 with lines waiting") as said:
        counts.send()
        before = counts.driver
        kill(yarn.drivers(before))
        said(counts.await_counted())
        assert counts.driver != before
    with row("error_counts: ResourceManager kill -9") as said:
        before = counts.driver
        yarn.kill("rm1")
        counts.send()
        counts.act()
        yarn.start("rm1")
        said(counts.await_counted())
        assert counts.driver == before
    with row("error_counts: its node gone, its driver alive") as said:
        before = counts.driver
        yarn.start("nm2")
        holding = lambda: next((one for one in ("nm1", "nm2") if yarn.node(one) == "RUNNING" and yarn.holds(one, before)), "")  # noqa: E731
        home = until(holding, "its node has registered again", 300)
        yarn.kill(home)
        counts.send()
        until(lambda: (counts.act(), counts.driver not in ("", before))[1], "another driver is started", 300)
        assert counts.cluster.state(before) is DriverState.LOST
        said(counts.await_counted())
        until(lambda: not yarn.drivers(before), "the old one has seen that it is superseded", 300)
        yarn.start(home)
        yarn.kill("nm2" if home == "nm1" else "nm1")
