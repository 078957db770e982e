"""The port of proofs: what recounts found, and how far the counts are proven."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol


class ProofStore(Protocol):
    """What recounts found, and how far the counts are proven."""

    def put_recount(self, job: str, record: Mapping[str, object]) -> None:
        """Keep what a recount found."""

    def recounts(self, job: str, limit: int = 50) -> Sequence[Mapping[str, object]]:
        """What recounts found, newest first."""

    def put_proven(self, job: str, record: str, write_ts: int) -> None:
        """Keep how far the counts are proven; `write_ts` is that of the batch: what reaches further stays, whichever is written last."""

    def proven(self, job: str) -> str | None:
        """How far the counts are proven, as it was kept for the latest batch."""
