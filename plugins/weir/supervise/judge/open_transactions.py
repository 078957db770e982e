"""Tell how long an open transaction has held back the end of what can be read. Pure.

A producer's transaction is open for seconds; the broker ends one that outlives its timeout, 15 minutes at most. One that lasts longer
hangs, and until it ends no driver can read the lines after it, whoever wrote them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from spark_jobs.protocol.partition import labelled
from weir.supervise.judge.observation import Observation
from weir.supervise.judge.report import Report

TOLD_MS = 60_000  # Kafka's default timeout of a transaction
HANGS_MS = 900_000  # the longest timeout that a broker allows by default (transaction.max.timeout.ms)
NEXT_STEP = "end the transaction: see docs/runbook.md#open_transaction"


@dataclass(frozen=True)
class Held:
    """What an open transaction holds back of a partition: `offsets` from `first` on, and since when that is so (ms)."""

    first: int
    offsets: int
    since: int

    def as_dict(self) -> Mapping[str, int]:
        return {"first": self.first, "offsets": self.offsets, "since": self.since}


def held(seen: Observation, before: Report | None) -> Mapping[str, Held]:
    """Return what is held back, by the label of the partition. `since` stays while the end that can be read does not move."""
    ends = seen.end_offsets or {}
    earlier = before.evidence.get("open_transactions") if before else None
    known = earlier if isinstance(earlier, Mapping) else {}
    beyond = labelled({p: end for p, end in seen.log_ends.items() if p in ends}, seen.names)
    first = labelled({p: ends[p] for p in seen.log_ends if p in ends}, seen.names)
    return {
        label: Held(first[label], end - first[label], _since(known.get(label), first[label], seen.now)) for label, end in beyond.items()
    }


def _since(earlier: object, first: int, now: int) -> int:
    same = isinstance(earlier, Mapping) and earlier.get("first") == first
    since = earlier.get("since") if same and isinstance(earlier, Mapping) else None
    return since if isinstance(since, int) else now


def in_words(each: Mapping[str, Held], now: int) -> str:
    """Say what is held back for longer than usual; empty if nothing is."""
    long = {label: one for label, one in each.items() if now - one.since >= TOLD_MS}
    parts = [f"partition {label} from offset {one.first} on, for {(now - one.since) // 60_000} min" for label, one in long.items()]
    offsets = sum(one.offsets for one in long.values())
    return f"; an open transaction of a producer holds back {offsets} offsets: {', '.join(parts)}" if parts else ""


def hangs(each: Mapping[str, Held], now: int) -> bool:
    """Return whether a transaction has outlived every timeout."""
    return any(now - one.since >= HANGS_MS for one in each.values())
