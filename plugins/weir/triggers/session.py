"""The manager of a triggerer's triggers, or of an API server's pages, by Airflow's connection. Its calls block, so they run in threads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from weir.errors import WeirError
from weir.supervise.shared import Shared

if TYPE_CHECKING:
    from weir.supervise.manager import Manager

T = TypeVar("T")
BUDGET_S = 30.0  # far above the manager's own budgets: only a call that hangs reaches it


def connect() -> Manager:
    from weir.operators import session

    return session.connect()


shared = Shared(connect)


async def ask(call: Callable[[Manager], T], budget_s: float = BUDGET_S) -> T:
    """The answer of `call(manager)`, computed in a thread. A manager that fails or hangs is dropped, and the next call opens a new one.

    Raises what the call raises, or TimeoutError.
    """
    used: Manager | None = None

    def work() -> T:
        nonlocal used
        used = shared.get()
        return call(used)

    try:
        async with asyncio.timeout(budget_s):  # not wait_for: before Python 3.12 it can swallow a cancellation
            return await asyncio.to_thread(work)
    except WeirError:
        raise  # an answer, not a failure of the manager
    except Exception:
        shared.drop(used)
        raise
