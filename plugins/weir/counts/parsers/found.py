"""What a parser finds in a text."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

Moment = int | None  # event time in ms; None: of the right form, and there is no such time
BLANK = b" "


class Found(NamedTuple):
    """A text of the format. `level` is None if its level is not one of the table."""

    level: str | None
    moment: Moment
    service: str | None = None  # replaces the key; None: the key stays


class TextParser(Protocol):
    """A format of texts. `append_ms` is when the record was appended: some times do not say their year."""

    def __call__(self, text: bytes, append_ms: int) -> Found | None:
        """Return what was found; None if the text does not have the form of the format."""


Indented = Callable[[bytes], bool]  # whether a text without its indentation has the form of the format
