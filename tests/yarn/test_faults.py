"""The matrix of YARN's faults: `make test-yarn` runs it, and prints one row a fault. Kerberos is not tested at all."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.fault_table import Row
from tests.masters.servers import Masters
from tests.parts import until
from tests.yarn.conftest import FIRST_PORT
from tests.yarn.rig import rig as on_yarn
from tests.yarn.servers import Yarn, kill
from weir.errors import NotConfirmed, NotTaken
from weir.ports.cluster import DriverState
from weir.supervise.judge.report import Verdict

pytestmark = [pytest.mark.stack, pytest.mark.skipif(not os.environ.get("WEIR_TEST_YARN"), reason="make test-yarn runs it")]
SHORT = """\
from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
assert spark.range(3).count() == 3
"""
RAISES = f"{SHORT}raise ValueError('a fault of the job')\n"
MODULES = {
    "udf.py": SHORT.replace(
        "assert",
        "import beside\nfrom pyspark.sql import functions as F\nspark.range(3).select(F.udf(beside.twice)('id')).collect()\nassert",
    ),
    "beside.py": "def twice(value):\n    return 2 * value\n",
}
HOG = SHORT + "hog = []\nwhile True:\n    hog.append(bytearray(64 * 1024 * 1024))\n"


@pytest.mark.parametrize(
    ("fault", "code", "state", "ending"),
    [
        ("job that ends", SHORT, DriverState.FINISHED, ""),
        (
            "exception in the job",
            RAISES,
            DriverState.FAILED,
            "User application exited with status 1",
        ),
        ("driver over its memory", HOG, DriverState.OUT_OF_MEMORY, "beyond the 'PHYSICAL' memory limit"),
    ],
)
def test_how_a_driver_ends(yarn: Yarn, row: Row, fault: str, code: str, state: DriverState, ending: str) -> None:
    with row(fault) as said, on_yarn(yarn, fault.replace(" ", "_"), {"once.py": code}) as rig:
        rig.deploy()
        assert rig.await_state(*(one for one in DriverState if one.ended)) is state
        assert ending in rig.cluster.ending(rig.driver)
        said(f"{state}: {rig.look().sentence}")


def test_executors_find_the_modules_beside_the_script(yarn: Yarn, row: Row) -> None:
    with row("module beside the script, on executors") as said, on_yarn(yarn, "modules", MODULES) as rig:
        rig.deploy()
        assert rig.await_state(*(one for one in DriverState if one.ended)) is DriverState.FINISHED
        said("found")


@pytest.mark.parametrize(
    ("fault", "queue", "spec", "why"),
    [
        ("user without the right to the queue", "closed", {}, "does not have permission"),
        ("driver larger than any node", "streams", {"driver_memory": "5g"}, "is above the max threshold"),
    ],
)
def test_what_yarn_refuses(yarn: Yarn, row: Row, fault: str, queue: str, spec: dict[str, str], why: str) -> None:
    resources = {"executors": 1, "cores": 1, "driver_memory": "512m", "executor_memory": "512m", **spec}
    with row(fault) as said, on_yarn(yarn, fault.replace(" ", "_"), queue=queue, resources=resources) as rig:
        with pytest.raises(NotTaken, match=why) as refused:
            rig.deploy()
        assert rig.row.exit_reason == "lost" and not rig.driver
        said(refused.value.what)


def test_a_queue_that_is_full_is_named(yarn: Yarn, row: Row) -> None:
    with on_yarn(yarn, "first", queue="narrow") as first, on_yarn(yarn, "second", queue="narrow") as second:
        with row("queue's maximum: no executor") as said:
            first.deploy()
            first.await_state(DriverState.RUNNING)
            why = until(lambda: first.cluster.waits_for([first.driver], {}), "it is named what the executors wait for")[first.driver]
            assert why == "the queue root.narrow has no room for its executors, which need 768 MiB"
            said(why)
        with row("queue full: no driver") as said:
            second.deploy()
            assert second.cluster.state(second.driver) is DriverState.SUBMITTED
            why = until(lambda: second.cluster.waits_for([second.driver], {}), "it is named what the driver waits for")[second.driver]
            assert why.startswith("its application waits in the queue root.narrow: ") and "AM resource limit" in why
            assert second.look().verdict is Verdict.STARTING
            said(second.look().sentence)


def test_a_login_without_the_right_to_kill_stops_nothing_and_says_so(yarn: Yarn, row: Row) -> None:
    with row("login without the right to kill") as said, on_yarn(yarn, "guarded", user="nobody") as rig:
        rig.deploy()
        rig.await_state(DriverState.RUNNING)
        with pytest.raises(NotConfirmed) as refused:
            rig.manager.restart(rig.name, reason="a test")
        assert rig.processes() and rig.row.attempt == 1
        said(refused.value.what)
        kill(rig.processes())


def test_a_node_that_is_gone_leaves_its_driver_unconfirmed(yarn: Yarn, row: Row) -> None:
    """Its containers live on: the NodeManager is killed, not the machine. Nobody could say so of a machine that is cut off."""
    with on_yarn(yarn, "cut_off") as rig:
        rig.deploy()
        rig.await_commits()
        before = rig.driver
        with row("NodeManager gone for good") as said:
            yarn.kill("nm1")
            until(lambda: yarn.node("nm1") == "LOST", "the ResourceManager gives the node up")
            assert rig.await_state(DriverState.LOST, DriverState.FAILED, DriverState.KILLED) is DriverState.LOST
            until(lambda: rig.act().verdict is Verdict.UNCONFIRMED, f"it is unconfirmed: {rig.sentences[-3:]}")
            assert rig.driver == before
            said(rig.look().sentence)
        with row("NodeManager back, as a new one") as said:
            yarn.start("nm1")
            assert rig.cluster.state(before) is DriverState.LOST
            kill(rig.processes(before))
            rig.manager.confirm_ended(rig.name, rig.row.attempt, "ana", "its process is gone")
            rig.await_commits()
            said(rig.look().sentence)
        assert not rig.together


def test_a_node_manager_that_comes_back_at_once_has_lost_its_driver(yarn: Yarn, row: Row) -> None:
    """Without recovery of the NodeManager (its store needs LevelDB, which Hadoop's shaded jar lacks)."""
    with row("NodeManager: kill -9 and restart") as said, on_yarn(yarn, "forgotten") as rig:
        rig.deploy()
        rig.await_commits()
        before = rig.driver
        yarn.kill("nm1")
        yarn.start("nm1")
        assert rig.await_state(*(one for one in DriverState if one.ended)) is DriverState.LOST
        until(lambda: rig.act().verdict is Verdict.UNCONFIRMED, f"it is unconfirmed: {rig.sentences[-3:]}")
        assert rig.driver == before and not rig.together
        said(rig.look().sentence)
        kill(rig.processes(before))


@pytest.fixture
def pair(submits: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yarn]:
    """Two ResourceManagers that elect one by ZooKeeper."""
    zookeeper = Masters(tmp_path_factory.mktemp("zookeeper"), FIRST_PORT + 50)
    zookeeper.configure()
    cluster = Yarn(tmp_path_factory.mktemp("pair"), FIRST_PORT + 60, zookeeper.zookeeper)
    cluster.configure()
    before = os.environ["HADOOP_CONF_DIR"]
    os.environ["HADOOP_CONF_DIR"] = str(cluster.conf)
    try:
        zookeeper.start("zookeeper")
        cluster.start("rm1", "rm2", "nm1")
        yield cluster
    finally:
        cluster.stop()
        zookeeper.stop()
        os.environ["HADOOP_CONF_DIR"] = before


def test_two_resource_managers(pair: Yarn, row: Row) -> None:
    with on_yarn(pair, "elected") as rig:
        with row("two ResourceManagers: deploy") as said:
            rig.deploy()
            rig.await_commits()
            assert rig.cluster.state("application_1_1") is DriverState.LOST
            said(rig.look().sentence)
        with row("active ResourceManager: kill -9") as said:
            active = next(one for one in pair.managers if pair.info(one)["haState"] == "ACTIVE")
            standby = next(one for one in pair.managers if one != active)
            before, seen = rig.driver, set[DriverState]()
            pair.kill(active)

            def taken_over() -> bool:
                seen.add(rig.cluster.state(before))
                rig.act()
                return bool(pair.info(standby)["haState"] == "ACTIVE") and pair.app(before, standby)["state"] == "RUNNING"

            until(taken_over, "the standby takes over")
            assert seen <= {DriverState.UNKNOWN, DriverState.RUNNING} and rig.driver == before, seen
            rig.await_commits()
            assert rig.driver == before and not rig.together
            said(f"the cluster said {sorted(seen)}; the same driver went on")
