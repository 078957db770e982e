"""Standby masters of a standalone cluster, for real: who is active when masters are killed, and what Weir does meanwhile.

`make test-masters` runs it: some three minutes.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest

from tests.fault_table import Row
from tests.masters.servers import HOSTS, Masters
from tests.parts import until
from tests.plain_rig import PlainRig
from weir.airflow.connection import with_connection
from weir.cluster.spark import StandaloneCluster
from weir.connection import Connection
from weir.errors import NotRunning
from weir.ports.cluster import DriverState, Submission
from weir.settings import Settings
from weir.supervise.judge.report import Verdict

pytestmark = [pytest.mark.stack, pytest.mark.skipif(not os.environ.get("WEIR_TEST_MASTERS"), reason="make test-masters runs it")]
FIRST_PORT = 25100
PATIENT_S = 30.0  # for an answer, on a machine that may stand still for seconds


@pytest.fixture(scope="module")
def masters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Masters]:
    found = Masters(tmp_path_factory.mktemp("masters"), FIRST_PORT)
    found.configure()
    try:
        found.start("zookeeper", "a", "b", "worker")
        yield found
    finally:
        found.stop()


@pytest.fixture(scope="module")
def rig(masters: Masters) -> Iterator[PlainRig]:
    settings = with_connection(Settings(home=str(masters.home)), airflow_connection(masters))
    cluster = StandaloneCluster(settings.spark_master, settings.spark_rest, settings.spark_ui, PATIENT_S)
    spec = {"cluster": "standalone", "spark_conf": {"spark.driver.host": "127.0.0.1"}}
    with PlainRig(masters.home / "job", "ticks", cluster, lambda _: masters.drivers(), spec) as found:
        yield found


def airflow_connection(masters: Masters) -> Connection:
    """`spark://a,b` with one port for both: so the provider's form has it."""
    fields = dict.fromkeys(("schema", "login", "password"))
    return SimpleNamespace(
        conn_type="spark", host=f"spark://{','.join(HOSTS.values())}", port=masters.port, extra_dejson=masters.connection, **fields
    )


def other(master: str) -> str:
    return next(name for name in HOSTS if name != master)


def test_a_driver_lives_through_every_loss_of_a_master_and_is_never_started_again(masters: Masters, rig: PlainRig, row: Row) -> None:
    rig.deploy()
    rig.await_commits()
    driver, (process,) = rig.driver, masters.drivers()
    before = process.pid, process.create_time()

    def meanwhile(condition: Callable[[], object], what: str) -> Counter[str]:
        """What the cluster says of the driver until a condition holds. Weir acts all along."""
        seen = Counter[str]()

        def holds() -> object:
            seen[str(rig.cluster.state(driver))] += 1
            seen[str(rig.cluster.states_of([driver, "driver-x"])[driver])] += 1
            rig.act()
            return condition()

        with row(what) as said:
            until(holds, what)
            assert [(one.pid, one.create_time()) for one in masters.drivers()] == [before], "one driver, and the same"
            assert rig.driver == driver and rig.row.attempt == 1
            said(f"the cluster said {dict(seen)}; the same driver lives on")
        return seen

    first = masters.active()
    masters.kill(first)
    with pytest.raises(NotRunning, match="no active master"):
        rig.cluster.submit(submission())
    seen = meanwhile(lambda: masters.active() == other(first), "the standby takes over")
    assert seen.keys() <= {"unknown", "running"} and seen["unknown"], seen
    committed = rig.commits
    assert meanwhile(lambda: rig.commits > committed + 2, "the stream goes on").keys() == {"running"}
    assert driver in [one["id"] for one in masters.page()["activedrivers"]], "the new master knows the driver"

    masters.start(first)
    assert masters.status(first) == "STANDBY"
    masters.kill(first)
    assert meanwhile(lambda: not masters.status(first), "the standby is away").keys() == {"running"}

    masters.kill(other(first))
    assert meanwhile(lambda: not masters.active(), "both are away").keys() <= {"unknown", "running"}
    assert rig.cluster.state(driver) is DriverState.UNKNOWN
    for name in HOSTS:
        masters.start(name)
    meanwhile(masters.active, "one is active again")
    committed = rig.commits
    meanwhile(lambda: rig.commits > committed + 2, "the stream goes on")

    with row("driver killed while no master is there") as said:
        for name in HOSTS:
            masters.kill(name)
        process.kill()
        for name in HOSTS:
            masters.start(name)
        until(lambda: masters.active() and rig.cluster.state(driver) is DriverState.LOST, "the master gives up a driver that no worker has")
        report = rig.act()
        assert report.verdict is Verdict.UNCONFIRMED and rig.driver == driver and not masters.drivers(), report
        said(report.sentence)
        rig.manager.confirm_ended(rig.name, 1, "ana", "its process is gone")
        rig.await_commits()
        assert rig.row.attempt == 2 and len(masters.drivers()) == 1


def submission() -> Submission:
    return Submission("weir:second:1", "/no/such/job.py", [], {}, {})
