"""What became of a law, as the validation, its pages and the gate tell it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Law:
    """What one law came to: over how many rows, how many broke it, and what the first of them had."""

    table: str
    law: str
    holds: bool
    rows: int
    broken: int
    example: str = ""

    @property
    def sentence(self) -> str:
        return f"{self.table}: {self.law} (broken {self.broken} of {self.rows} times{', first: ' + self.example if self.example else ''})"
