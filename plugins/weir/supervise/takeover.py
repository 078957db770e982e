"""Rules 1 and 6 of the protocol: the next attempt takes over, or a new epoch begins. Both are bound to the attempt that was judged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from spark_jobs.protocol.head import Head, taken_over
from weir.errors import Conflict, UnknownJob


class HeadStore(Protocol):
    def head(self, job: str) -> Head | None: ...
    def swap(self, expected: Head, new: Head) -> bool: ...
    def put_ledger(self, head: Head) -> None: ...


def take_over(store: HeadStore, job: str, judged: int, highest: int = 0) -> Head:
    """Let an attempt after `judged` and `highest` write. Raises Conflict if another one has already taken over."""
    while True:
        head = _judged_head(store, job, judged)
        new = taken_over(head, highest)
        if store.swap(head, new):
            return new


def rebuild(store: HeadStore, job: str, judged: int, begin: Callable[[Head], Head]) -> Head:
    """Begin a new epoch. Raises Conflict if another attempt has already taken over.

    `begin` makes its head from the one that is there, by `protocol.rebuilt`; it is asked again if the head moves meanwhile.
    """
    while True:
        head = _judged_head(store, job, judged)
        new = begin(head)
        if head.for_ledger:
            store.put_ledger(head)
        if store.swap(head, new):
            return new


def _judged_head(store: HeadStore, job: str, judged: int) -> Head:
    head = store.head(job)
    if head is None:
        raise UnknownJob(f"{job} was never deployed.", f"Run: weir deploy {job}")
    if head.attempt != judged:
        raise Conflict(f"{job} is at attempt {head.attempt}, not at {judged} that was judged.", "Judge again.")
    return head
