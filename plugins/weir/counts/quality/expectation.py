"""The result of an expectation, for the validation, its pages and the gate."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Law:
    """The result of one expectation."""

    table: str  # the table that was checked
    law: str  # the expectation in words
    holds: bool  # True: the expectation is met
    rows: int  # rows that were checked
    broken: int  # rows that do not meet it
    example: str = ""  # the values of the first such row

    @property
    def sentence(self) -> str:
        if not self.rows:
            return f"{self.table}: {self.law} (not met: there are no rows yet)"
        first = f", first: {self.example}" if self.example else ""
        return f"{self.table}: {self.law} (not met in {self.broken} of {self.rows} rows{first})"
