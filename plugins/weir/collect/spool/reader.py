"""Read the spool from a point on, and check the content of each record."""

from __future__ import annotations

from weir.collect.spool import segments
from weir.collect.spool.record import HEAD, Point, Record
from weir.collect.spool.segments import Segment, damaged
from weir.collect.spool.spool import Spool, Spot
from weir.errors import SpoolDamaged


class Reader:
    """Reads the records in order, but only synced ones: a power cut could remove another one after it was sent to Kafka."""

    def __init__(self, spool: Spool, number: int) -> None:
        """Go to the record of a number, which the spool has or will write next. Raises SpoolDamaged if it is missing."""
        self._spool = spool
        self._segment, self._at = Segment(-1, 0), 0
        with spool.changed:
            self.point, new = spool.end, not spool.segments
        if not new:
            self._seek(number)

    @property
    def spot(self) -> Spot:
        """Return where on disk the next record is, or will be."""
        return self._segment.first, self._at

    def next(self, wait_s: float) -> Record | None:
        """Return the next record; None if there is none in time. Raises SpoolDamaged, OSError."""
        if not self._spool.wait_for(self.point.number, wait_s):
            return None
        current = self._current()
        step = segments.read(self._spool.disk, current, self._at, self.point)
        if step is None:
            raise damaged(current, self._at)
        record, self._at = step
        self.point = record.after
        return record

    def _current(self) -> Segment:
        """Return the file that has the next record, with its present size."""
        with self._spool.changed:
            found = [segment for segment in self._spool.segments if segment.first <= self.point.number][-1:]
        if not found:
            raise self._missing(self.point.number)
        if found[0].first != self._segment.first:
            start = segments.start_of(self._spool.disk, found[0])
            if start != self.point:
                raise damaged(found[0], 0)
            self._segment, self._at = found[0], HEAD.size
        return found[0]

    def _seek(self, number: int) -> None:
        with self._spool.changed:
            found = [segment for segment in self._spool.segments if segment.first <= number][-1:]
        if not found:
            raise self._missing(number)
        start = segments.start_of(self._spool.disk, found[0])
        if start is None:
            raise damaged(found[0], 0)
        self._segment, self._at, self.point = found[0], HEAD.size, start
        while self.point.number < number:
            self.point, self._at = self._skipped(self.point)

    def _skipped(self, point: Point) -> tuple[Point, int]:
        after, at = segments.skip(self._spool.disk, self._segment, self._at)
        if after.number != point.number + 1:
            raise damaged(self._segment, self._at)
        return after, at

    def _missing(self, number: int) -> SpoolDamaged:
        first = self._spool.segments[0].first if self._spool.segments else self._spool.end.number
        return SpoolDamaged(
            f"The spool is damaged: its records {number} to {first - 1} are missing. They were never committed to Kafka.",
            "Restore the missing files. docs/runbook.md, WEIR-309, says how to continue without them.",
        )
