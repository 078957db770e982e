"""Wait in an event loop for signals, and for work in a thread."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable


def ended_by_signal() -> asyncio.Future[None]:
    """Return a future that is done after SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()

    def end() -> None:
        if not ended.done():
            ended.set_result(None)

    with contextlib.suppress(ValueError, RuntimeError):  # not in the main thread, as in tests
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, end)
    return ended


async def in_thread(work: Callable[[], None]) -> None:
    """Run `work` in a daemon thread, which does not delay the end of the process: Kafka's client may wait longer than a stop may take."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - the future raises it
            _tell(loop, done, error)
        else:
            _tell(loop, done, None)

    threading.Thread(target=run, name="forwarder", daemon=True).start()
    await done


def _tell(loop: asyncio.AbstractEventLoop, done: asyncio.Future[None], error: BaseException | None) -> None:
    def tell() -> None:
        if not done.done():
            done.set_exception(error) if error else done.set_result(None)

    with contextlib.suppress(RuntimeError):  # the loop has ended
        loop.call_soon_threadsafe(tell)
