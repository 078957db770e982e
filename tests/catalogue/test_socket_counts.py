"""The job `socket_counts` under Weir's supervision: its driver is killed, and the next one reads what is sent from then on."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Sequence
from pathlib import Path

import psutil
import yaml

from tests.catalogue import CATALOGUE
from tests.landed.rig import SMALL, ProcessCluster
from tests.parts import new_stack, until
from tests.plain_rig import PlainRig
from tests.sender import Sender
from weir.supervise.judge.report import Verdict

JOB = CATALOGUE / "socket_counts"
ROW = re.compile(r"^\|.*\| *(\d+) *\| *(\d+) *\|$", re.MULTILINE)  # start, end, errors of the batch, errors of the window
ERROR = "[Tue Dec 01 10:00:00 2026] [error] disk full"


class Cluster(ProcessCluster):
    """Kills a driver when Weir asks for it, as a cluster does."""

    def kill(self, submission_id: str) -> None:
        if self.drivers[submission_id].poll() is None:
            os.killpg(self.drivers[submission_id].pid, signal.SIGKILL)

    def processes(self, submission_id: str) -> Sequence[psutil.Process]:
        driver = self.drivers.get(submission_id)
        return [psutil.Process(driver.pid)] if driver and driver.poll() is None else []


def test_a_killed_driver_is_replaced_and_counts_again(tmp_path: Path) -> None:
    cluster = Cluster(new_stack(tmp_path), dict)
    spec = yaml.safe_load((JOB / "job.yaml").read_text())
    files = {"job.py": (JOB / "job.py").read_text()}
    with Sender() as sender:
        arguments = ["127.0.0.1", sender.port, "{checkpoint}/counts", "--window", 6, "--slide", 2]
        conf = {"spark.driver.extraJavaOptions": SMALL, **spec["spark_conf"]}
        more = {"cluster": "standalone", "arguments": arguments, "spark_conf": conf}
        with PlainRig(tmp_path, "socket_counts", cluster, cluster.processes, {**spec, **more}, files) as rig:
            rig.deploy()
            counts_an_error(rig, cluster, sender, 1)
            until(lambda: rig.look().verdict in (Verdict.OK, Verdict.IDLE), f"its commit is seen: {rig.sentences}")
            (driver,) = cluster.processes(rig.driver)
            os.killpg(driver.pid, signal.SIGKILL)
            until(lambda: (rig.act(), rig.row.attempt == 2)[1], f"a second driver starts: {rig.sentences}")
            counts_an_error(rig, cluster, sender, 2)
            assert not rig.together
            rig.manager.stop("socket_counts", "ana", "the test is over")


def counts_an_error(rig: PlainRig, cluster: Cluster, sender: Sender, connection: int) -> None:
    sender.await_connection(connection)
    rig.await_commits()
    sender.send(ERROR)
    log = cluster.log(rig.driver)
    until(lambda: (rig.act(), ("1", "1") in ROW.findall(log.read_text()))[1], f"the error is counted: {rig.sentences}")
