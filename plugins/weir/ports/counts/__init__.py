"""The ports of the counts kind: what folding, readers and proofs keep and ask for. Implementations are held to tests/contract."""

from __future__ import annotations

from typing import Protocol

from weir.ports.counts.cells import NOWHERE, Cell, DayShard, HourShard, Kind
from weir.ports.counts.folds import FoldNote, FoldStore
from weir.ports.counts.hours import HourStore, Touched
from weir.ports.counts.proofs import ProofStore
from weir.ports.counts.rejected import RejectedStore
from weir.ports.counts.rolls import Rolled, RollStore
from weir.ports.counts.runs import Published, RunStore
from weir.ports.ledger import LandedStore


class CountStore(LandedStore, HourStore, RunStore, RollStore, FoldStore, RejectedStore, ProofStore, Protocol):
    """The counts of each job, and what tells which of their batches have landed. For folding, readers and proofs,
    which hand it on to one another."""


__all__ = [
    "NOWHERE",
    "Cell",
    "CountStore",
    "DayShard",
    "FoldNote",
    "FoldStore",
    "HourShard",
    "HourStore",
    "Kind",
    "ProofStore",
    "Published",
    "RejectedStore",
    "RollStore",
    "Rolled",
    "RunStore",
    "Touched",
]
