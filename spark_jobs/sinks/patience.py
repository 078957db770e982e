"""Wait out outages of a sink's server. What runs under it may be repeated."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotInTime
from typing import TypeVar

from spark_jobs.sinks.errors import SinkAway

T = TypeVar("T")
LOG = logging.getLogger(__name__)
PATIENCE_S = 120.0  # a failover of PostgreSQL or of Kafka's coordinator takes half a minute; a driver's restart costs 15 s
FIRST_S, MOST_S = 0.2, 5.0


def patiently(
    what: str,
    run: Callable[[], T],
    passes: Callable[[Exception], bool],
    patience_s: float = PATIENCE_S,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> T:
    """Run until it works or raises an error that does not pass. Raises SinkAway when `patience_s` seconds are over."""
    began, pause = clock(), FIRST_S
    while True:
        try:
            return run()
        except Exception as error:
            if not passes(error):
                raise
            left = began + patience_s - clock()
            said = " ".join(str(error).split())
            if left <= 0:
                raise SinkAway(f"{what}: {said}", clock() - began) from error
            LOG.warning("next try in %.1f s: %s: %s", pause, what, said)
            sleep(min(pause, left))
            pause = min(pause * 2, MOST_S)


def within(seconds: float, what: str, call: Callable[[], T]) -> T:
    """Return what a call returns, or raise TimeoutError after `seconds`. The call is then left behind in a thread of its own.

    For clients that do not keep to the time limit that they are given.
    """
    found: Future[T] = Future()

    def run() -> None:
        try:
            found.set_result(call())
        except BaseException as error:  # noqa: BLE001 - it is raised where the result is awaited
            found.set_exception(error)

    threading.Thread(target=run, name=what, daemon=True).start()
    try:
        return found.result(seconds)
    except NotInTime:
        if found.done():
            raise  # the call's own
        raise TimeoutError(f"{what} did not end within {seconds:.0f} s") from None
