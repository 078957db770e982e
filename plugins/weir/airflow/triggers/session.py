"""The shared manager of a triggerer or an API server, by Airflow's connection. Its calls block, so they run in threads."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from weir.supervise.shared import BUDGET_S, Shared

if TYPE_CHECKING:
    from weir.ports.store import Store
    from weir.supervise.manager import Manager

T = TypeVar("T")


def connect() -> Manager[Store]:
    from weir.airflow import session

    return session.connect()


shared = Shared(connect)


async def ask(call: Callable[[Manager[Store]], T], budget_s: float = BUDGET_S) -> T:
    """As `Shared.ask`. Raises what the call raises, or TimeoutError."""
    return await shared.ask(call, budget_s)
