"""The port of the REST service: requests under an idempotency key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Asked:
    """A request under an idempotency key: `claim` is whoever answers it since `at` (ms), `digest` what was asked, and `answer` (JSON, with
    its http status) empty while it is at work. `at` is 0 once its claim was given up."""

    claim: str
    digest: str
    at: int
    status: int = 0
    answer: str = ""


class RequestStore(Protocol):
    """What the REST service keeps of what it was asked to do, for a day."""

    def asked(self, who: str, key: str) -> Asked | None:
        """The request of a person under an idempotency key (serial consistency)."""

    def set_asked(self, who: str, key: str, expected: Asked | None, new: Asked) -> bool:
        """Change it if it is still under the claim of `expected`; None if there is to be none. No two requests have the same claim."""
