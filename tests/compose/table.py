"""The rows of what was seen: a step, its seconds, its verdict. Printed as they come, and once more as one table."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


@dataclass
class Row:
    step: str
    seconds: float = 0.0
    verdict: str = "ok"
    failed: bool = False

    def text(self) -> str:
        return f"{self.step:44} {self.seconds:6.1f} s  {self.verdict}"


@dataclass
class Table:
    rows: list[Row] = field(default_factory=list)

    @contextmanager
    def row(self, step: str, goes_on: bool = False) -> Iterator[Row]:
        """Time a step. The block may set the verdict. With `goes_on` a failure does not end the test."""
        row, began = Row(step), time.monotonic()
        self.rows.append(row)
        try:
            yield row
        except Exception as error:
            row.failed, row.verdict = True, f"FAILED: {error}"
            if not goes_on:
                raise
        finally:
            row.seconds = time.monotonic() - began
            say(row.text())

    def fail(self, step: str, reason: str) -> None:
        """Add a row for a step that failed between two rows; one that failed in its last row has that."""
        if not (self.rows and self.rows[-1].failed):
            self.rows.append(Row(step, verdict=f"FAILED: {reason}", failed=True))

    @property
    def failed(self) -> bool:
        return any(row.failed for row in self.rows)

    def show(self) -> None:
        say("\n" + "\n".join(row.text().partition("\n")[0] for row in self.rows))
