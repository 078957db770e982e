"""What the REST service was asked, in memory."""

from __future__ import annotations

from weir.ports.requests import Asked


class Requests:
    """What the REST service was asked, in memory."""

    def __init__(self) -> None:
        super().__init__()
        self._asked: dict[tuple[str, str], Asked] = {}

    def asked(self, who: str, key: str) -> Asked | None:
        return self._asked.get((who, key))

    def set_asked(self, who: str, key: str, expected: Asked | None, new: Asked) -> bool:
        current = self._asked.get((who, key))
        if (current and current.claim) != (expected and expected.claim):
            return False
        self._asked[who, key] = new
        return True
