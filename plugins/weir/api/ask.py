"""How the service calls the manager: through a function of its caller, which may be shared."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Protocol, TypeVar

from fastapi import Depends, Request

if TYPE_CHECKING:
    from weir.ports.store import Store
    from weir.supervise.manager import Manager

T = TypeVar("T")


class Ask(Protocol):
    async def __call__(self, call: Callable[[Manager[Store]], T], budget_s: float = 30.0, /) -> T:
        """Return `call(manager)`, run in a thread. Raises what the call raises, or TimeoutError."""


def _ask(request: Request) -> Ask:
    ask: Ask = request.app.state.ask
    return ask


def now_of(request: Request) -> int:
    """Return the present time in ms."""
    return int(request.app.state.clock() * 1000)


Asks = Annotated[Ask, Depends(_ask)]
Now = Annotated[int, Depends(now_of)]  # ms
