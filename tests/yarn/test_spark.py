"""Spark drivers on YARN, submitted by the provider's hook: what ends them, and what is refused.

`make test-yarn` runs it. Kerberos is not tested at all.
"""

from __future__ import annotations

import os

import pytest

from tests.fault_table import Row
from tests.parts import until
from tests.yarn.rig import rig as on_yarn
from tests.yarn.servers import Yarn, kill
from weir.errors import NotConfirmed, NotTaken
from weir.ports.cluster import DriverState

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
HOG = SHORT + "hog = []\nwhile True:\n    hog.append(b'x' * (64 * 1024 * 1024))\n"


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
    with row(fault) as said, on_yarn(yarn, f"spark_{fault.replace(' ', '_')}", {"once.py": code}) as rig:
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
    with row(fault) as said, on_yarn(yarn, f"spark_{fault.replace(' ', '_')}", queue=queue, resources=resources) as rig:
        with pytest.raises(NotTaken, match=why) as refused:
            rig.deploy()
        assert rig.row.exit_reason == "lost" and not rig.driver
        said(refused.value.what)


def test_a_queue_without_room_for_executors_is_named(yarn: Yarn, row: Row) -> None:
    with row("queue's maximum: no executor") as said, on_yarn(yarn, "no_executor", queue="narrow") as rig:
        rig.deploy()
        rig.await_state(DriverState.RUNNING)
        why = until(lambda: rig.cluster.waits_for([rig.driver], {}), "it is named what the executors wait for")[rig.driver]
        assert why == "the queue root.narrow has no room for its executors, which need 768 MiB"
        said(why)


def test_a_login_without_the_right_to_kill_stops_nothing_and_says_so(yarn: Yarn, row: Row) -> None:
    with row("login without the right to kill") as said, on_yarn(yarn, "guarded", user="nobody") as rig:
        rig.deploy()
        rig.await_state(DriverState.RUNNING)
        with pytest.raises(NotConfirmed) as refused:
            rig.manager.restart(rig.name, reason="a test")
        assert rig.processes() and rig.row.attempt == 1
        said(refused.value.what)
        kill(rig.processes())
