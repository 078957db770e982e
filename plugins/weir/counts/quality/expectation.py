"""The result of an expectation, for the validation, its pages and the gate."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Law:
    """The result of one expectation: how many rows were checked, how many failed, and the values of the first failed row."""

    table: str
    law: str
    holds: bool
    rows: int
    broken: int
    example: str = ""

    @property
    def sentence(self) -> str:
        return f"{self.table}: {self.law} (broken {self.broken} of {self.rows} times{', first: ' + self.example if self.example else ''})"
