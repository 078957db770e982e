"""The states of many drivers: as the cluster lists them, and of the others one by one within a time budget."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor

from weir.ports.cluster import DriverState

AT_ONCE = 8  # questions of one pass


def each(
    ids: Collection[str], listed: Mapping[str, DriverState], state: Callable[[str], DriverState], budget_s: float
) -> Mapping[str, DriverState]:
    """The state of each: as it is listed, and of the others as they are asked for, a few at once.

    No question is begun after `budget_s`: what is left then is UNKNOWN.
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
