"""The position of a spool as committed in Kafka, and the checks that it fits the spool. Pure."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from weir.collect.spool.record import Point
from weir.errors import Conflict, SpoolDiffers

NEXT = "Use the newest copy of the folder. docs/runbook.md, WEIR-308, says how to continue without it."


@dataclass(frozen=True)
class Place:
    """The point up to which a spool was committed. `run` identifies the run of the collector that committed it."""

    spool: str
    run: str
    point: Point

    def dump(self) -> bytes:
        return json.dumps({"format": 1, "spool": self.spool, "run": self.run, **asdict(self.point)}).encode()

    @classmethod
    def load(cls, text: bytes) -> Place:
        values = json.loads(text)
        return cls(values["spool"], values["run"], Point(values["number"], values["values"], values["check"]))


def start_of(found: Place | None, forwarded: bool, first: int, end: Point) -> int:
    """Return the number of the next record to send. `first` is the oldest in the spool. Raises SpoolDiffers."""
    if found is None and forwarded:
        what = "Kafka has no position of this spool, although lines of it were committed before."
        raise SpoolDiffers(
            f"{what} If it is sent again, up to {end.values} lines are repeated.", "docs/runbook.md, WEIR-308, says what to do."
        )
    if found is None:
        return first
    if found.point.number > end.number:
        raise SpoolDiffers(f"The spool ends at record {end.number}, but Kafka has committed {found.point.number} records of it.", NEXT)
    return found.point.number


def require_same(found: Place | None, here: Point) -> None:
    """Raise SpoolDiffers if the spool has other records before this point than were committed."""
    if found is not None and found.point != here:
        raise SpoolDiffers(f"Record {here.number - 1} of the spool is not the one that was committed to Kafka.", NEXT)


def require_alone(found: Place | None, before: Place | None, run: str) -> None:
    """Raise Conflict if another collector has committed records of the same spool since `before`."""
    if found != before and found is not None and found.run != run:
        raise Conflict(
            "Another collector sends from a copy of this spool. This one ends, and its spool is kept.",
            "Stop one of them. docs/runbook.md, WEIR-308, says how to give the copy a new id.",
        )
