"""The sink of a landed job, as the writer uses it."""

from __future__ import annotations

import threading
from typing import Any

from spark_jobs.landed.fenced import Evaluated, FencedSink
from spark_jobs.protocol.head import Digest, Progress, first_head

HEAD = first_head("cards", {}, 1)


class Slow:
    """A sink whose write takes until it is allowed to end; it notes when something else is done meanwhile."""

    hides_claims = False

    def __init__(self) -> None:
        self.writes, self.begun, self.may_end, self.beside = False, threading.Event(), threading.Event(), list[str]()

    def fence(self, head: Any) -> None:
        self._note("fence")

    def write(self, claimed: Any, rows: Any, digest: Any) -> None:
        self.writes = True
        self.begun.set()
        assert self.may_end.wait(30)
        self.writes = False

    def landed(self, head: Any) -> None:
        self._note("landed")

    def rehearse(self, job: str) -> None:
        self._note("rehearse")

    def keep(self) -> None:
        self._note("keep")

    def _note(self, what: str) -> None:
        if self.writes:
            self.beside.append(what)


def test_a_rehearsal_waits_for_the_batch_at_work() -> None:
    slow = Slow()
    sink = FencedSink(slow)  # type: ignore[arg-type]
    evaluated = Evaluated(None, Digest(0, "0"), Progress(), stateful=False)  # type: ignore[arg-type]
    writing = threading.Thread(target=lambda: sink.write(HEAD, evaluated))
    others = [
        threading.Thread(target=work) for work in (lambda: sink.rehearse("cards"), lambda: sink.landed(HEAD), lambda: sink.fence(HEAD))
    ]
    writing.start()
    assert slow.begun.wait(30)
    for thread in others:
        thread.start()
    sink.keep()  # it does not wait: the thread that calls it also watches for the driver's end
    others[0].join(0.2)
    assert others[0].is_alive() and slow.beside == []
    slow.may_end.set()
    for thread in (writing, *others):
        thread.join(30)
    assert slow.beside == []
