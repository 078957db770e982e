"""The port of proofs: what recounts found, and how far the counts are proven."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol


class ProofStore(Protocol):
    """What recounts found, and how far the counts are proven."""

    def put_recount(self, job: str, record: Mapping[str, object]) -> None:
        """Store the result of a recount."""

    def recounts(self, job: str, limit: int = 50) -> Sequence[Mapping[str, object]]:
        """Return results of recounts, newest first."""

    def put_proven(self, job: str, record: str, write_ts: int) -> None:
        """Store how far the counts are proven. `write_ts` is that of the batch, so the record that reaches further stays."""

    def put_unproven(self, job: str, work: str, record: str | None) -> None:
        """Store that a kind of check failed; None: it no longer does."""

    def unproven(self, job: str) -> Mapping[str, str]:
        """Return the records of failed checks, by kind."""

    def proven(self, job: str) -> str | None:
        """Return the stored record of how far the counts are proven."""
