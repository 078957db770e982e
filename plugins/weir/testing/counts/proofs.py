"""What recounts found, and how far the counts are proven, in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


class Proofs:
    """What recounts found, and how far the counts are proven, in memory."""

    def __init__(self) -> None:
        super().__init__()
        self._recounts: dict[str, list[Mapping[str, object]]] = {}
        self._proven: dict[str, tuple[int, str]] = {}
        self._unproven: dict[str, dict[str, str]] = {}

    def put_recount(self, job: str, record: Mapping[str, object]) -> None:
        self._recounts.setdefault(job, []).insert(0, record)

    def recounts(self, job: str, limit: int = 50) -> Sequence[Mapping[str, object]]:
        return self._recounts.get(job, [])[:limit]

    def put_proven(self, job: str, record: str, write_ts: int) -> None:
        self._proven[job] = max(self._proven.get(job, (0, "")), (write_ts, record))

    def put_unproven(self, job: str, work: str, record: str | None) -> None:
        kept = {**self.unproven(job), work: record}
        self._unproven[job] = {name: text for name, text in kept.items() if text is not None}

    def unproven(self, job: str) -> Mapping[str, str]:
        return self._unproven.get(job, {})

    def proven(self, job: str) -> str | None:
        return self._proven[job][1] if job in self._proven else None
