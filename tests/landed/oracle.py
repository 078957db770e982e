"""What the job `cards` must come to, event by event. Shares no code with it."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Withdrawal:
    """One event. `at` is its event time in s, `amount` in cents."""

    id: int
    card: str
    at: int
    amount: int

    @property
    def record(self) -> bytes:
        return json.dumps(self.__dict__).encode()


def withdrawals(seed: int, first: int, n: int, cards: int) -> list[Withdrawal]:
    """Make events whose times are out of order, and often equal."""
    rng = random.Random(seed)
    return [
        Withdrawal(i, f"c{rng.randrange(cards)}", i // 7 + rng.randrange(20), rng.randrange(1, 50_000)) for i in range(first, first + n)
    ]


def truth(events: Iterable[Withdrawal]) -> dict[str, tuple[int, int, str]]:
    """Return number, sum and the last three of each card."""
    of_card: dict[str, list[Withdrawal]] = defaultdict(list)
    for event in events:
        of_card[event.card].append(event)
    return {card: (len(own), sum(each.amount for each in own), _last(own)) for card, own in of_card.items()}


def _last(own: Sequence[Withdrawal]) -> str:
    newest = sorted(own, key=lambda each: (each.at, each.id))[-3:]
    return " ".join(f"{each.at}:{each.id}" for each in newest)
