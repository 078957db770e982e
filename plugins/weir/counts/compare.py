"""Compare stored and recounted lines by cell, in a temporary SQLite database: what does not fit into its cache goes to disk."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from spark_jobs.counts.cells import hour_of
from weir.times import iso

Cell = tuple[int, str, str]  # pane start (ms), service, level
Place = tuple[int, int]  # index of the partition in the order of all, offset
REJECTED: Cell = (0, "", "")  # rejected lines and continuations have neither pane nor level: they are compared as one number
NOWHERE: Place = (2**62, 2**62)
CACHE_KIB = 64 * 1024  # some 700,000 cells

SCHEMA = """
CREATE TABLE cell (
    pane INTEGER, service TEXT, level TEXT, stored INTEGER, counted INTEGER, partition INTEGER, offset INTEGER,
    PRIMARY KEY (pane, service, level)
) WITHOUT ROWID
"""
ADD = """
INSERT INTO cell VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
    stored = stored + excluded.stored,
    counted = counted + excluded.counted,
    partition = iif((excluded.partition, excluded.offset) < (partition, offset), excluded.partition, partition),
    offset = iif((excluded.partition, excluded.offset) < (partition, offset), excluded.offset, offset)
"""


@dataclass(frozen=True)
class Difference:
    """A cell with different counts."""

    cell: Cell
    stored: int  # lines in the store
    recounted: int  # lines in the source
    first: Place | None  # its first line in the source; None: none
    partition: int | str = -1  # the label of the partition of `first`

    def at(self, labels: Sequence[int | str]) -> Difference:
        """Return the difference with the label of its partition."""
        return replace(self, partition=labels[self.first[0]]) if self.first else self

    @property
    def missing(self) -> int:
        return max(0, self.recounted - self.stored)

    @property
    def doubled(self) -> int:
        return max(0, self.stored - self.recounted)

    def as_dict(self) -> dict[str, Any]:
        pane, service, level = self.cell
        named = {"rejected": True} if self.cell == REJECTED else {"pane": iso(pane), "service": service, "level": level}
        first = {"partition": self.partition, "offset": self.first[1]} if self.first else None
        return {**named, "stored": self.stored, "recounted": self.recounted, "first": first}


class Comparison:
    """Add counts in any order, then read the differences. The database is deleted on exit."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)  # no name: a private temporary file
        for pragma in (f"cache_size = -{CACHE_KIB}", "journal_mode = OFF", "synchronous = OFF"):
            self._database.execute(f"PRAGMA {pragma}")
        self._database.execute(SCHEMA)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def add_stored(self, cells: Mapping[Cell, int]) -> None:
        self._add((*cell, n, 0, *NOWHERE) for cell, n in cells.items())

    def add_counted(self, partition: int, cells: Mapping[Cell, tuple[int, int]]) -> None:
        """Add lines by cell, each with the offset of its first line; `partition` is an index in the order of all partitions."""
        self._add((*cell, 0, n, partition, first) for cell, (n, first) in cells.items())

    def _add(self, rows: Iterable[tuple[Any, ...]]) -> None:
        self._database.execute("BEGIN")
        self._database.executemany(ADD, rows)
        self._database.execute("COMMIT")

    def differences(self, unsure: Collection[int]) -> Iterator[Difference]:
        """Yield the differences in order of cells.

        In `unsure` hours (ms) source lines are gone, so a count that is too high means nothing.
        """
        for *cell, stored, counted, partition, offset in self._database.execute(
            "SELECT * FROM cell WHERE stored <> counted ORDER BY pane, service, level"
        ):
            found = Difference((cell[0], cell[1], cell[2]), stored, counted, (partition, offset) if counted else None)
            if found.missing or found.cell == REJECTED or hour_of(found.cell[0]) not in unsure:
                yield found
