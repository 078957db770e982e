"""How the service gets to the manager: it is handed a way, and may be one of many who share it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Protocol, TypeVar

from fastapi import Depends, Request

if TYPE_CHECKING:
    from weir.supervise.manager import Manager

T = TypeVar("T")


class Ask(Protocol):
    async def __call__(self, call: Callable[[Manager], T], budget_s: float = 30.0, /) -> T:
        """The answer of `call(manager)`, computed in a thread. Raises what the call raises, or TimeoutError."""


def _ask(request: Request) -> Ask:
    ask: Ask = request.app.state.ask
    return ask


def now_of(request: Request) -> int:
    """In ms."""
    return int(request.app.state.clock() * 1000)


Asks = Annotated[Ask, Depends(_ask)]
Now = Annotated[int, Depends(now_of)]  # ms
