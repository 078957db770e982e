"""Notes about folding in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from weir.ports.counts import FoldNote, HourShard, Published


class Folds:
    """Notes about folding in memory."""

    def __init__(self) -> None:
        super().__init__()
        self._folds: dict[tuple[str, HourShard], FoldNote] = {}

    def folds(self, job: str) -> Mapping[HourShard, FoldNote]:
        return {at: note for (j, at), note in self._folds.items() if j == job}

    def put_folded(self, job: str, at: HourShard, published: Published) -> None:
        swept = self._folds[job, at].swept if (job, at) in self._folds else ""
        self._folds[job, at] = FoldNote(published.run, published.position, published.at, swept)

    def put_swept(self, job: str, at: HourShard, run: str) -> None:
        self._folds[job, at] = replace(self._folds[job, at], swept=run)
