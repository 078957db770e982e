"""The port of the REST service: requests under an idempotency key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Asked:
    """A request under an idempotency key: `claim` identifies who answers it since `at` (ms), `digest` the request. `answer` (JSON, with its
    HTTP status) is empty while it is running. `at` is 0 once the claim was released."""

    claim: str
    digest: str
    at: int
    status: int = 0
    answer: str = ""


class RequestStore(Protocol):
    """The store of the REST service's requests, for a day."""

    def asked(self, who: str, key: str) -> Asked | None:
        """Return a user's request under an idempotency key (serial consistency)."""

    def set_asked(self, who: str, key: str, expected: Asked | None, new: Asked) -> bool:
        """Replace the request if it still has the claim of `expected` (None: if there is none). No two requests have the same claim."""
