"""Questions to the parts of the outside world, side by side and with a bound: a part that hangs must not hold up what the others say."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")
PATIENT_S = 6.0  # more than a part's own budget of 5 s
LATE_S = 0.5  # of a part that was late the last time, until it answers in time again

log = logging.getLogger(__name__)


class Questions:
    """A part that did not answer in time is asked nothing more until that question has come back: it holds one thread, however long."""

    def __init__(self, patient_s: float = PATIENT_S, late_s: float = LATE_S) -> None:
        self._patient_s, self._late_s = patient_s, late_s
        self._late: dict[str, Future[Any]] = {}

    def ask(self, part: str, question: Callable[[], T], otherwise: T) -> Callable[[], T]:
        """Begin to ask. Call what is returned for the answer, or for `otherwise` if there is none in time."""
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
    """Not of a pool: its threads would keep a process from ending while a question hangs."""
    future: Future[T] = Future()

    def work() -> None:
        try:
            future.set_result(question())
        except BaseException as error:  # noqa: BLE001 - raised where the answer is read
            future.set_exception(error)

    Thread(target=work, daemon=True, name="weir-probe").start()
    return future
