"""A standby: a driver that is warm and waits, without an attempt. All that it may write is its own row, until it is called up."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from spark_jobs.runtime.contract import JobArguments

LOG = logging.getLogger("weir.driver")
LOOK_EVERY_S = 0.2  # what a takeover waits for at most
DESIRED_EVERY = 25  # looks: the job's own row, should whoever stopped the job not have come to retire its standby
PATIENCE_S = 300.0  # with a store that is away; a standby holds nothing, and the next one is soon started


@dataclass(frozen=True)
class Orders:
    """What a standby's row says: the arguments of the attempt that it is called up for, empty for none yet; and whether it is to end."""

    arguments: str = ""
    retired: bool = False


class Store(Protocol):
    """What a standby needs of the store."""

    def desired(self, job: str) -> str:
        """Is the job to run or to stop: `running` or `stopped`."""

    def orders(self, job: str, standby: str) -> Orders | None:
        """What the standby's row says, None if there is none."""

    def put_ready(self, job: str, standby: str, incarnation: str, at: int) -> None:
        """Note that the standby is warm, which process it is, and since when (ms)."""


def wait(store: Store, args: JobArguments, incarnation: str, sleep: Callable[[float], None] = time.sleep) -> JobArguments | None:
    """Say that this driver is ready, and wait for an attempt. Returns its arguments, or None once there is nothing to wait for: the standby
    was retired, the job is to stop, or the JVM has ended. Orders that came first stand, whatever was said since: the attempt fences."""
    jvm, looks = os.getppid(), 0
    store.put_ready(args.job, args.standby, incarnation, time.time_ns() // 1_000_000)
    LOG.info("standby %s is ready", args.standby)
    while True:
        orders = store.orders(args.job, args.standby)
        if orders and orders.arguments:
            return JobArguments.from_argv([orders.arguments])
        if orders is None or orders.retired or os.getppid() != jvm:
            return None
        if looks % DESIRED_EVERY == 0 and store.desired(args.job) != "running":
            return None
        looks += 1
        sleep(LOOK_EVERY_S)
