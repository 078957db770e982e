"""The port of the schema: whether the tables are those of this release."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class SchemaStore(Protocol):
    """The migrations of the tables."""

    def pending(self) -> Sequence[str]:
        """The migrations of the schema that this release has and the store has not, in order."""
