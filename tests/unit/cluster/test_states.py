"""Many drivers asked for one by one, where no list has them."""

from __future__ import annotations

import threading

from weir.cluster.states import AT_ONCE, each
from weir.ports.cluster import DriverState


def test_each_is_asked_for_once() -> None:
    asked: list[str] = []

    def state(one: str) -> DriverState:
        asked.append(one)
        return DriverState.RUNNING

    ids = [f"driver-{n}" for n in range(100)]
    assert each(ids, {}, state, 60) == dict.fromkeys(ids, DriverState.RUNNING) and sorted(asked) == sorted(ids)
    assert each([], {}, state, 60) == {}
    listed = {"driver-listed": DriverState.FINISHED, "driver-of-another-job": DriverState.FAILED}
    assert each(["driver-listed"], listed, state, 60) == {"driver-listed": DriverState.FINISHED} and len(asked) == 100


def test_a_cluster_that_is_slow_is_not_asked_after_its_time() -> None:
    never, asked = threading.Event(), []

    def slow(one: str) -> DriverState:
        asked.append(one)
        never.wait(0.2)
        return DriverState.FAILED

    found = each([f"driver-{n}" for n in range(100)], {}, slow, 0.1)
    assert len(found) == 100 and len(asked) <= AT_ONCE
    assert list(found.values()).count(DriverState.UNKNOWN) == 100 - len(asked)
