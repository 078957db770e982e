"""Ask external services in parallel and with a time limit: a service that hangs must not delay the others."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")
PATIENT_S = 6.0  # more than a service's own limit of 5 s
LATE_S = 0.5  # for a service that timed out the last time, until it answers in time again

log = logging.getLogger(__name__)


class Questions:
    """Asks services. One that timed out gets no further request until the first one returns, so it blocks at most one thread."""

    def __init__(self, patient_s: float = PATIENT_S, late_s: float = LATE_S) -> None:
        self._patient_s, self._late_s = patient_s, late_s
        self._late: dict[str, Future[Any]] = {}

    def ask(self, part: str, question: Callable[[], T], otherwise: T) -> Callable[[], T]:
        """Start a request. Call the returned function for the answer, or for `otherwise` at the time limit."""
        late = self._late.get(part)
        if late is not None and not late.done():
            return lambda: otherwise
        asked = _begun(question)
        return lambda: self._answer(part, asked, otherwise)

    def _answer(self, part: str, asked: Future[T], otherwise: T) -> T:
        try:
            answer = asked.result(self._late_s if part in self._late else self._patient_s)
        except TimeoutError:
            self._late[part] = asked
            return otherwise
        except Exception as error:  # noqa: BLE001 - a probe that fails is no news
            log.warning("%s could not be asked: %r", part, error)
            return otherwise
        self._late.pop(part, None)
        return answer


def _begun(question: Callable[[], T]) -> Future[T]:
    """A thread outside a pool: a pool's threads would keep the process from ending while a request hangs."""
    future: Future[T] = Future()

    def work() -> None:
        try:
            future.set_result(question())
        except BaseException as error:  # noqa: BLE001 - raised where the answer is read
            future.set_exception(error)

    Thread(target=work, daemon=True, name="weir-probe").start()
    return future
