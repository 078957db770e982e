"""Rolls in memory."""

from __future__ import annotations

from collections.abc import Mapping

from weir.ports.counts import DayShard, Kind, Rolled


class Rolls:
    """Rolls in memory."""

    def __init__(self) -> None:
        super().__init__()
        self._rolled: dict[tuple[str, DayShard], Rolled] = {}
        self._rolls: dict[tuple[str, DayShard, str], tuple[str, dict[Kind, int]]] = {}

    def rolled(self, job: str, since: int | None = None, until: int | None = None) -> Mapping[DayShard, Rolled]:
        rows = sorted(((at, row) for (j, at), row in self._rolled.items() if j == job), key=lambda x: x[0])
        return {at: row for at, row in rows if (since is None or at[0] >= since) and (until is None or at[0] < until)}

    def publish_roll(self, job: str, at: DayShard, expected: Rolled | None, new: Rolled) -> bool:
        if self._rolled.get((job, at)) != expected:
            return False
        self._rolled[job, at] = new
        return True

    def put_roll(self, job: str, at: DayShard, roll: str, base: str, kinds: Mapping[Kind, int]) -> None:
        self._rolls[job, at, roll] = base, dict(kinds)

    def roll_sums(self, job: str, at: DayShard, roll: str) -> Mapping[Kind, int]:
        return dict(self._rolls.get((job, at, roll), ("", {}))[1])

    def rolls(self, job: str) -> Mapping[DayShard, Mapping[str, str]]:
        found: dict[DayShard, dict[str, str]] = {}
        for (j, at, roll), (base, _) in self._rolls.items():
            if j == job:
                found.setdefault(at, {})[roll] = base
        return found

    def delete_roll(self, job: str, at: DayShard, roll: str) -> None:
        self._rolls.pop((job, at, roll), None)
