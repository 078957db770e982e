"""YARN's faults, on a real ResourceManager and a real node, with Weir's own manager and adapter: one row each.

The drivers are plain Python processes, so that the whole is cheap enough for `make test`. Those of Spark are in `make test-yarn`.
Kerberos is not tested at all.
"""

from __future__ import annotations

import pytest

from tests.fault_table import Row
from tests.parts import until
from tests.plain_rig import PlainRig
from tests.yarn.light_rig import light_rig
from tests.yarn.servers import Yarn, kill
from weir.errors import NotConfirmed
from weir.ports.cluster import DriverState
from weir.supervise.judge.report import Verdict

pytestmark = pytest.mark.stack
LIVES = "import time\n\ntime.sleep(3600)\n"
RAISES = "raise ValueError('a fault of the job')\n"
HOG = "hog = [b'x' * (16 * 1024 * 1024) for _ in range(64)]\n" + LIVES
ENDED = [state for state in DriverState if state.ended]


def started(rig: PlainRig) -> str:
    """Deploy, and return the driver once its process is there."""
    rig.deploy()
    until(lambda: rig.processes(), "the driver's process")
    assert rig.await_state(DriverState.RUNNING) is DriverState.RUNNING
    return rig.driver


def stopped(rig: PlainRig) -> bool:
    """Stop the job; False if its end is not confirmed in time."""
    try:
        rig.manager.stop(rig.name, "ana", "a test")
    except NotConfirmed:
        return False
    return True


def test_a_killed_driver_is_replaced_and_a_stopped_one_has_ended(yarn: Yarn, row: Row) -> None:
    with light_rig(yarn, "killed", LIVES) as rig:
        with row("deploy") as said:
            first = started(rig)
            assert rig.cluster.states_of([first, "application_1_1"]) == {first: DriverState.RUNNING, "application_1_1": DriverState.LOST}
            assert rig.cluster.waits_for([first], {first: rig.name}) == {}
            said(rig.look().sentence)
        with row("driver: kill -9") as said:
            kill(rig.processes())
            until(lambda: (rig.act(), rig.driver not in ("", first))[1], "the next attempt is submitted")
            assert rig.cluster.state(first) is DriverState.FAILED
            said("failed, confirmed; the next attempt is submitted")
        with row("stop: kill by REST") as said:
            second = rig.driver
            until(lambda: rig.processes(), "the driver's process")
            until(lambda: stopped(rig), "the node confirms the end")
            assert rig.cluster.state(second) is DriverState.KILLED
            assert not rig.processes(second), "killed means that the node has ended the process"
            said(rig.look().sentence)
    assert not rig.together


@pytest.mark.parametrize(
    ("fault", "code", "state", "ending"),
    [
        ("exception in the job", RAISES, DriverState.FAILED, "ValueError: a fault of the job"),
        ("driver over its memory", HOG, DriverState.OUT_OF_MEMORY, "beyond the 'PHYSICAL' memory limit"),
    ],
)
def test_how_a_driver_ends(yarn: Yarn, row: Row, fault: str, code: str, state: DriverState, ending: str) -> None:
    with row(fault) as said, light_rig(yarn, fault.replace(" ", "_"), code) as rig:
        rig.deploy()
        assert rig.await_state(*ENDED) is state
        assert ending in rig.cluster.ending(rig.driver)
        said(rig.look().sentence)


def test_a_queue_that_is_full_is_named(yarn: Yarn, row: Row) -> None:
    def queued(name: str) -> PlainRig:
        return light_rig(yarn, name, LIVES, "narrow", 512)

    with row("queue full") as said, queued("first") as first, queued("second") as second:
        started(first)
        second.deploy()
        assert second.cluster.state(second.driver) is DriverState.SUBMITTED
        drivers = [first.driver, second.driver]
        until(lambda: "AM resource limit" in str(second.cluster.waits_for(drivers, {})), "it is named what it waits for")
        ((waits, why),) = second.cluster.waits_for(drivers, {}).items()
        assert waits == second.driver and why.startswith("its application waits in the queue root.narrow: ")
        said(why)


def test_a_driver_lives_through_the_recovery_of_the_resource_manager(yarn: Yarn, row: Row) -> None:
    """Not found while it recovers, then ACCEPTED: unknown, then running, and never anything else."""
    with row("ResourceManager: kill -9 and restart") as said, light_rig(yarn, "recovered", LIVES) as rig:
        before, seen, verdicts = started(rig), set[str](), set[str]()
        yarn.kill("rm1")
        assert rig.cluster.state(before) is DriverState.UNKNOWN
        is_back = yarn.launch("rm1")

        def recovered() -> bool:
            seen.update(str(state) for state in (rig.cluster.state(before), rig.cluster.states_of([before, "application_1_1"])[before]))
            assert not rig.cluster.waits_for([before], {before: rig.name})
            verdicts.add(str(rig.act().verdict))
            return is_back() and yarn.node("nm1") == "RUNNING"

        until(recovered, "the ResourceManager is active, and has its node back")
        assert rig.cluster.state(before) is DriverState.RUNNING and seen == {"unknown", "running"}, seen
        assert rig.driver == before and len(rig.processes()) == 1
        said(f"the cluster said {sorted(seen)}, verdicts {sorted(verdicts)}; the same driver lives on")


def test_a_node_that_is_gone_leaves_its_driver_unconfirmed(yarn: Yarn, row: Row) -> None:
    """The process lives on: the NodeManager is killed, not the machine. Nobody could tell of a machine that is cut off."""
    with light_rig(yarn, "cut_off", LIVES) as rig:
        with row("NodeManager: gone for good") as said:
            before = started(rig)
            yarn.kill("nm1")
            until(lambda: yarn.node("nm1") == "LOST", "the ResourceManager gives the node up")
            assert rig.await_state(*ENDED) is DriverState.LOST
            is_unconfirmed(rig, before)
            with pytest.raises(NotConfirmed):
                rig.manager.restart(rig.name, reason="a test")
            assert rig.processes(before) and rig.driver == before
            said(rig.look().sentence)
        with row("NodeManager: back, as a new one") as said:
            yarn.start("nm1")
            assert rig.cluster.state(before) is DriverState.LOST
            kill(rig.processes(before))
            rig.manager.confirm_ended(rig.name, rig.row.attempt, "ana", "its process is gone")
            until(lambda: (rig.act(), rig.driver not in ("", before))[1], "the next attempt is submitted")
            said(rig.look().sentence)
    assert not rig.together


def test_a_node_manager_that_is_back_at_once_has_lost_its_driver(yarn: Yarn, row: Row) -> None:
    """Without recovery of the NodeManager, whose store needs LevelDB, which Hadoop's shaded jar lacks."""
    with row("NodeManager: kill -9 and restart") as said, light_rig(yarn, "forgotten", LIVES) as rig:
        before = started(rig)
        yarn.kill("nm1")
        yarn.start("nm1")
        assert rig.await_state(*ENDED) is DriverState.LOST
        is_unconfirmed(rig, before)
        said(rig.look().sentence)
        kill(rig.processes(before))
    assert not rig.together


def is_unconfirmed(rig: PlainRig, before: str) -> None:
    until(lambda: rig.act().verdict is Verdict.UNCONFIRMED, f"it is unconfirmed: {rig.sentences[-3:]}")
    assert rig.driver == before
