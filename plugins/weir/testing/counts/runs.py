"""Runs in memory."""

from __future__ import annotations

from collections.abc import Mapping

from weir.ports.counts import Cell, HourShard, Kind, Published


class Runs:
    """Runs in memory."""

    def __init__(self) -> None:
        super().__init__()
        self._published: dict[tuple[str, HourShard], Published] = {}
        self._runs: dict[tuple[str, HourShard, str], tuple[str, dict[Cell, int]]] = {}
        self._run_hours: dict[tuple[str, HourShard, str], dict[Kind, int]] = {}

    def published(self, job: str, at: HourShard) -> Published | None:
        return self._published.get((job, at))

    def publish(self, job: str, at: HourShard, expected: Published | None, new: Published) -> bool:
        if self._published.get((job, at)) != expected:
            return False
        self._published[job, at] = new
        return True

    def put_run(self, job: str, at: HourShard, run: str, base: str, cells: Mapping[Cell, int]) -> None:
        self._runs[job, at, run] = base, dict(cells)

    def run_cells(self, job: str, at: HourShard, run: str) -> Mapping[Cell, int]:
        return dict(self._runs.get((job, at, run), ("", {}))[1])

    def put_run_hour(self, job: str, at: HourShard, run: str, kinds: Mapping[Kind, int]) -> None:
        self._run_hours[job, at, run] = dict(kinds)

    def run_hour(self, job: str, at: HourShard, run: str) -> Mapping[Kind, int]:
        return dict(self._run_hours.get((job, at, run), {}))

    def runs(self, job: str, at: HourShard) -> Mapping[str, str]:
        return {run: base for (j, a, run), (base, _) in self._runs.items() if (j, a) == (job, at)}

    def delete_run(self, job: str, at: HourShard, run: str) -> None:
        self._runs.pop((job, at, run), None)
        self._run_hours.pop((job, at, run), None)
