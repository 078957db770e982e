"""Two ResourceManagers that elect one by ZooKeeper: `make test-yarn` runs it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.fault_table import Row
from tests.masters.servers import Masters
from tests.parts import until
from tests.yarn import conftest
from tests.yarn.light_rig import light_rig
from tests.yarn.servers import Yarn
from weir.ports.cluster import DriverState

pytestmark = [pytest.mark.stack, pytest.mark.skipif(not os.environ.get("WEIR_TEST_YARN"), reason="make test-yarn runs it")]


@pytest.fixture
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yarn]:
    zookeeper = Masters(tmp_path_factory.mktemp("zookeeper"), conftest.FIRST_PORT + 50)
    zookeeper.configure()
    cluster = Yarn(tmp_path_factory.mktemp("pair"), conftest.FIRST_PORT + 60, zookeeper.zookeeper)
    cluster.configure()
    try:
        zookeeper.start("zookeeper")
        cluster.start("rm1", "rm2", "nm1")
        yield cluster
    finally:
        cluster.stop()
        zookeeper.stop()


def test_a_driver_lives_through_a_failover_of_the_resource_managers(pair: Yarn, row: Row) -> None:
    with light_rig(pair, "elected", "import time\n\ntime.sleep(3600)\n") as rig:
        with row("two ResourceManagers: deploy") as said:
            rig.deploy()
            until(lambda: rig.processes(), "the driver's process")
            assert rig.await_state(DriverState.RUNNING) is DriverState.RUNNING
            assert rig.cluster.state("application_1_1") is DriverState.LOST
            said(rig.look().sentence)
        with row("active ResourceManager: kill -9") as said:
            active = next(one for one in pair.managers if pair.info(one)["haState"] == "ACTIVE")
            standby = next(one for one in pair.managers if one != active)
            before, seen = rig.driver, set[str]()
            pair.kill(active)

            def taken_over() -> bool:
                seen.add(str(rig.cluster.state(before)))
                rig.act()
                return bool(pair.info(standby)["haState"] == "ACTIVE") and pair.node("nm1", standby) == "RUNNING"

            until(taken_over, "the standby takes over")
            assert rig.cluster.state(before) is DriverState.RUNNING and seen <= {"unknown", "running"}, seen
            assert rig.driver == before and len(rig.processes()) == 1
            said(f"the cluster said {sorted(seen)}; the same driver lives on")
