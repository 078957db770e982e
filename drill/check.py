"""Compare the store with what was sent: sets of panes by service, level and signature, against a truth that no job computed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from drill.generator import Truth
from drill.load import Cell
from spark_jobs.counts.cells import DAY_MS
from weir.counts.panes import windows
from weir.counts.progress import batches
from weir.counts.query import ALL, DIMENSIONS, Question, counts
from weir.ports.counts import CountStore
from weir.times import iso, parse_time


@dataclass(frozen=True)
class Comparison:
    """Lines too many and too few, including rejected ones, and a description of the first pane that differs."""

    lines: int
    duplicates: int
    losses: int
    rejected: int
    first: str = ""

    @property
    def exact(self) -> bool:
        return self.duplicates == self.losses == 0


def compare(truth: Truth, stored: Mapping[Cell, int], rejected: Mapping[str, int]) -> Comparison:
    """Compare the truth about the services of a load with what is stored."""
    have, want = _cells(stored, rejected), _cells(truth.panes, truth.rejected)
    differing = sorted((cell for cell in have.keys() | want.keys() if have[cell] != want[cell]), key=str)
    return Comparison(
        lines=truth.lines,
        duplicates=sum(max(0, have[cell] - want[cell]) for cell in differing),
        losses=sum(max(0, want[cell] - have[cell]) for cell in differing),
        rejected=sum(rejected.values()),
        first=f"{named(differing[0])}: {have[differing[0]]} stored, {want[differing[0]]} sent" if differing else "",
    )


def faults_of(found: Comparison, expected_losses: int, reported_losses: int, alarms: Sequence[str]) -> list[str]:
    """Describe what is wrong; empty if nothing. For faults that lose data, the loss must be exact and reported exactly."""
    wrong = []
    if found.duplicates or found.losses != expected_losses:
        wrong.append(f"{found.duplicates} lines too many, {found.losses} too few ({expected_losses} were to be lost): {found.first}")
    if reported_losses != expected_losses:
        wrong.append(f"{reported_losses} lost lines were reported, {expected_losses} are true")
    return wrong + [f"false alarm: {verdict}" for verdict in alarms]


def _cells(panes: Mapping[Cell, int], rejected: Mapping[str, int]) -> Counter[Cell | str]:
    cells: Counter[Cell | str] = Counter()
    for cell, n in panes.items():
        cells[cell] = n
    for reason, n in rejected.items():
        cells[f"rejected: {reason}"] = n
    return cells


def named(cell: object) -> str:
    """Describe a cell."""
    return f"{iso(cell[0])} {' '.join(map(str, cell[1:]))}".rstrip() if isinstance(cell, tuple) else str(cell)


def stored_cells(store: CountStore, job: str, truth: Truth, services: set[str], pane_ms: int) -> dict[Cell, int]:
    """Return the stored counts of some services in the time of a truth, plus a day before and after."""
    panes = [cell[0] for cell in truth.panes]
    if not panes:
        return {}
    question = Question(windows(pane_ms, pane_ms, pane_ms), min(panes) - DAY_MS, max(panes) + DAY_MS, DIMENSIONS, ALL)
    rows = [row for row in counts(store, job, question) if row["service"] in services]
    return {(parse_time(row["window_start"]), row["service"], row["level"], row["signature"]): row["n"] for row in rows}


def rejected_so_far(store: CountStore, job: str) -> Counter[str]:
    """Return the rejected lines of all landed batches by reason."""
    total: Counter[str] = Counter()
    for head in batches(store, job):
        if head.last_landed == head.batch_id:
            total.update(head.totals.rejected)
    return total
