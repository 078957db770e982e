"""Count what a collector does, for its metrics, health and messages."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

AGAIN_S = 10.0  # between two messages of one kind


@dataclass
class Counters:
    """Numbers since the start of the process; each is written by one thread. Times are seconds since 1970; None: has not happened."""

    lines: int = 0  # on disk
    size: int = 0  # of these lines, in bytes
    forwarded: int = 0  # lines that Kafka has committed
    cut: int = 0  # lines without an end when their connection ended
    refused: int = 0  # lines and messages over the limit
    malformed: int = 0  # connections that were closed because of their framing
    redelivered: int = 0  # messages that a broker delivered again
    connections: int = 0  # open now
    broker_up: int | None = None  # 1: a broker delivers, 0: it does not; of senders that have a broker
    turned_away: int = 0  # connections over the limit
    dropped: Callable[[], int | None] = field(default=lambda: None)  # datagrams that the kernel dropped
    held_since: float | None = None  # since when senders are held back; None: they are not
    committed_at: float | None = None
    reached: bool = False  # Kafka has answered
    trouble: str = ""  # why nothing can be sent to Kafka now


class Seldom:
    """Prints at most one sentence of each kind every AGAIN_S seconds, with the number of those that were left out before it."""

    def __init__(self, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._say, self._clock = say, clock
        self._told: dict[str, tuple[float, int]] = {}

    def __call__(self, kind: str, sentence: str) -> None:
        at, more = self._told.get(kind, (float("-inf"), 0))
        if self._clock() - at < AGAIN_S:
            self._told[kind] = at, more + 1
            return
        self._told[kind] = self._clock(), 0
        self._say(sentence + (f" ({more} more of this kind since the last message.)" if more else ""))
