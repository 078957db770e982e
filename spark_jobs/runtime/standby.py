"""Wait as a standby: a warm driver without an attempt. It writes only its own row, until it is called up."""

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
DESIRED_EVERY = 25  # looks between checks of the job's row: a stop may have been interrupted before it retired the standby
PATIENCE_S = 300.0  # with a store that is away; a standby owns nothing, and the next one soon starts


@dataclass(frozen=True)
class Orders:
    """The orders in a standby's row."""

    arguments: str = ""  # of the attempt that it is called up for; empty: none yet
    retired: bool = False  # True: the standby must end


class Store(Protocol):
    """The store, as a standby uses it."""

    def desired(self, job: str) -> str:
        """Return the desired state: `running` or `stopped`."""

    def orders(self, job: str, standby: str) -> Orders | None:
        """Return the orders in the standby's row, None if there is no row."""

    def put_ready(self, job: str, standby: str, incarnation: str, at: int) -> None:
        """Note that the standby is warm, which process it is, and since when (ms)."""


def wait(store: Store, args: JobArguments, incarnation: str, sleep: Callable[[float], None] = time.sleep) -> JobArguments | None:
    """Report that this driver is ready, and wait for an attempt. Return its arguments, or None if there will be none.

    There will be none if the standby was retired, the job should stop, or the JVM has ended. Arguments count even if the standby was
    retired since: the attempt fences.
    """
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
