"""Look up the states of many drivers: from the cluster's list, and the others one by one within a time budget."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor

from weir.ports.cluster import DriverState

AT_ONCE = 8  # requests in parallel


def each(
    ids: Collection[str], listed: Mapping[str, DriverState], state: Callable[[str], DriverState], budget_s: float
) -> Mapping[str, DriverState]:
    """Return the state of each driver: the listed one, else the answer to a request of its own, a few in parallel.

    No request starts after `budget_s`: the rest is UNKNOWN.
    """
    others = [one for one in ids if one not in listed]
    known = {one: listed[one] for one in ids if one in listed}
    deadline = time.monotonic() + budget_s

    def in_time(one: str) -> DriverState:
        return state(one) if time.monotonic() < deadline else DriverState.UNKNOWN

    if not others:
        return known
    with ThreadPoolExecutor(min(AT_ONCE, len(others))) as pool:
        return {**known, **dict(zip(others, pool.map(in_time, others), strict=True))}
