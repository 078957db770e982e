"""A Spark job deployed on YARN as production does it, by the provider's spark-submit hook: `make test-yarn` runs it."""

from __future__ import annotations

import os
from collections import Counter

import pytest

from tests.fault_table import Row
from tests.parts import until
from tests.plain_rig import PlainRig
from tests.yarn.rig import rig as on_yarn
from tests.yarn.servers import Yarn, kill
from weir.errors import NotTaken
from weir.ports.cluster import DriverState
from weir.supervise.judge.report import Verdict

pytestmark = [pytest.mark.stack, pytest.mark.skipif(not os.environ.get("WEIR_TEST_YARN"), reason="make test-yarn runs it")]


def test_a_job_lives_through_what_happens_to_its_driver_and_to_the_resource_manager(yarn: Yarn, row: Row) -> None:
    with on_yarn(yarn, "ticks") as rig:
        is_deployed(rig, yarn, row)
        the_resource_manager_is_killed_and_recovers(rig, yarn, row)
        the_driver_is_killed(rig, yarn, row)
        is_stopped(rig, yarn, row)
    assert not rig.together


def is_deployed(rig: PlainRig, yarn: Yarn, row: Row) -> None:
    with row("deploy") as said:
        rig.deploy()
        rig.await_commits()
        rig.await_state(DriverState.RUNNING)
        assert yarn.app(rig.driver)["applicationTags"] == "weir"
        assert rig.cluster.states_of([rig.driver, "application_1_1"]) == {
            rig.driver: DriverState.RUNNING,
            "application_1_1": DriverState.LOST,
        }
        assert rig.cluster.waits_for([rig.driver], {rig.driver: rig.name}) == {}
        said(until(lambda: found if (found := rig.look()).verdict is Verdict.OK else None, "it is ok").sentence)


def the_resource_manager_is_killed_and_recovers(rig: PlainRig, yarn: Yarn, row: Row) -> None:
    """Not found while it recovers, then ACCEPTED until its driver registers again: unknown, then running, never anything else."""
    with row("ResourceManager: kill -9 and restart") as said:
        before, seen, told = rig.driver, Counter[str](), Counter[str]()
        yarn.kill("rm1")
        rig.look()
        launched = yarn.launch("rm1")

        def registered() -> bool:
            seen[str(rig.cluster.state(before))] += 1
            seen[str(rig.cluster.states_of([before, "application_1_1"])[before])] += 1
            assert not rig.cluster.waits_for([before], {before: rig.name})
            told[str(rig.act().verdict)] += 1
            return launched() and yarn.app(before)["state"] == "RUNNING"

        until(registered, f"the driver has registered again: {seen}")
        assert seen.keys() == {"unknown", "running"}, seen
        assert told.keys() <= {"ok", "unknown"}, told
        rig.await_commits()
        assert rig.driver == before
        said(f"the cluster said {dict(seen)}, verdicts {dict(told)}; the same driver went on")


def the_driver_is_killed(rig: PlainRig, yarn: Yarn, row: Row) -> None:
    with row("driver: kill -9") as said:
        before, committed = rig.driver, rig.commits
        kill(rig.processes())
        until(lambda: (rig.act(), rig.driver != before)[1], "the next attempt is submitted")
        assert rig.cluster.state(before) is DriverState.FAILED
        rig.await_commits()
        assert rig.commits > committed
        said("failed, confirmed; the next attempt goes on from its checkpoint")


def is_stopped(rig: PlainRig, yarn: Yarn, row: Row) -> None:
    with row("stop: kill by REST") as said:
        before = rig.driver
        rig.manager.stop(rig.name, "ana", "a test")
        assert rig.cluster.state(before) is DriverState.KILLED
        assert not rig.processes(before), "killed means that the node has ended the process"
        said(rig.look().sentence)


def test_a_queue_that_does_not_exist_refuses_the_driver(yarn: Yarn, row: Row) -> None:
    with row("queue that does not exist") as said, on_yarn(yarn, "nowhere", queue="nowhere") as rig:
        with pytest.raises(NotTaken, match="unknown queue: nowhere") as refused:
            rig.deploy()
        assert rig.row.exit_reason == "lost", "nothing runs, and nobody needs to confirm that"
        said(refused.value.what)
