"""One shared manager for a process, so that connections do not grow with the number of jobs or callers."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import TYPE_CHECKING, Generic, TypeVar

from weir.errors import WeirError
from weir.jobs.folders import files
from weir.settings import Settings

if TYPE_CHECKING:
    from weir.supervise.manager import Manager

T = TypeVar("T")
A = TypeVar("A")
M = TypeVar("M", bound="Manager")
BUDGET_S = 30.0  # far above the manager's own time limits: only a hanging call reaches it


class Shared(Generic[M]):
    """Opens a manager by `connect` when one is needed, and another when the jobs' specs have changed."""

    def __init__(self, connect: Callable[[], M]) -> None:
        self._connect = connect
        self._opening = threading.Lock()  # never acquired by the event loop: a thread that opens a manager asks the loop for the connection
        self._manager: M | None = None
        self._specs: object = None

    def get(self) -> M:
        """Return the manager, opened if needed. Raises what opening raises."""
        with self._opening:
            specs = _specs()
            if self._manager is None or specs != self._specs:
                self._replace()
                self._specs = specs
            assert self._manager is not None
            return self._manager

    async def ask(self, call: Callable[[M], T], budget_s: float = BUDGET_S) -> T:
        """Return `call(manager)`, run in a thread. A manager that fails or hangs is dropped, and the next call opens a new one.

        Raises what the call raises, or TimeoutError; the thread then continues.
        """
        used: M | None = None

        def work() -> T:
            nonlocal used
            used = self.get()
            return call(used)

        try:
            async with asyncio.timeout(budget_s):  # not wait_for: before Python 3.12 it can swallow a cancellation
                return await asyncio.to_thread(work)
        except WeirError:
            raise  # an answer, not a failure of the manager
        except Exception:
            self.drop(used)
            raise

    def drop(self, used: M | None) -> None:
        """Drop a manager that failed, unless it has been replaced already."""
        if used is not None and used is self._manager:
            self._manager = None
            _close(used)

    def _replace(self) -> None:
        old = self._manager
        self._manager = self._connect()
        if old is not None:
            _close(old)


def hand_over(pool: Executor, manager: M, work: Callable[[M, A], T], what: A) -> Future[T]:
    """Run work with a manager in a pool; the manager stays open until it is done."""
    manager.enter()
    doing = pool.submit(work, manager, what)
    doing.add_done_callback(lambda _: manager.leave())
    return doing


def _specs() -> list[tuple[str, int]]:
    """Return a stamp that changes when a spec does."""
    return sorted((str(file), file.stat().st_mtime_ns) for file in files(*Settings.load().job_folders))


def _close(manager: Manager) -> None:
    """Close a manager in the background: closing may hang as the call did."""

    def close() -> None:
        with contextlib.suppress(Exception):
            manager.close()

    threading.Thread(target=close, daemon=True).start()
