"""Measure pace across looks: since when input waits, the stream is behind or the cluster is silent, and how close it has come. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from weir.jobs.spec import Health
from weir.ports.checkpoints import QueryProgress
from weir.ports.cluster import DriverState
from weir.supervise.judge.observation import Observation
from weir.supervise.judge.report import Report, Verdict

UNSEEN_MS = 45_000  # store or broker were away for longer than this: then so was what the stream could do
# At 20,000 lines/s the lag passed the bound and fell below it with every batch: two lines of the timeline in each second.
BEHIND_MS = 15_000


def pace(seen: Observation, health: Health, attempt: int, behind: int, closest_at: int, before: Report | None) -> Verdict:
    """Return OK, CATCHING_UP or SLOW for a stream that lands. `behind` and `closest_at` (ms) come from `behind_since` and `closest`."""
    if not behind or (seen.now - behind < BEHIND_MS and before is not None and before.settled == attempt):
        return Verdict.OK
    slow = closest_at > 0 and seen.now - closest_at > 1000 * health.slow_after
    return Verdict.SLOW if slow else Verdict.CATCHING_UP


def lag_since(seen: Observation, before: Report | None) -> int:
    """Return when input began to wait (ms), 0 for none. It starts again when something lands, or when an outage has ended.

    Cassandra was away for 59 s, and came back to a driver that was called stalled and replaced in the middle of its batch.
    """
    if seen.queries is not None:
        return min((since for since in waits_since(seen, before).values() if since), default=0)
    if seen.lag is None:
        return before.lag_since if before else 0
    if seen.lag == 0 or seen.head is None:
        return 0
    if before is None or not before.lag_since or dict(before.frontier) != dict(seen.frontier):
        return seen.now
    return seen.now if seen.now - before.lag_seen > UNSEEN_MS else before.lag_since


def waits_since(seen: Observation, before: Report | None) -> Mapping[str, int]:
    """Return by query folder since when (ms) uncommitted work waits; 0 if none does.

    It starts again with each batch, after an outage, and while it is unknown: a query can do nothing while the broker is away.
    """
    if seen.queries is None:
        return {}
    queries = before.evidence.get("queries") if before and seen.now - before.at <= UNSEEN_MS else None
    known = queries if isinstance(queries, Mapping) else {}
    return {query.folder: _waits_since(seen, query, known.get(query.folder)) for query in seen.queries.known}


def _waits_since(seen: Observation, query: QueryProgress, before: object) -> int:
    assert seen.queries is not None
    waits = seen.queries.waits(query)
    if not waits:
        return 0 if waits is False else seen.now
    same = isinstance(before, Mapping) and before.get("batch_id") == query.committed
    since = before.get("waits_since") if same and isinstance(before, Mapping) else 0
    return since if isinstance(since, int) and since else seen.now


def behind_since(seen: Observation, health: Health, before: Report | None) -> int:
    """Return when the lag passed `catching_up_lag` (ms), 0 while it is below. It starts again if the lag fell below in between."""
    earlier = before.behind_since if before else 0
    if seen.lag is None:
        return earlier
    return (earlier or seen.now) if seen.lag > health.catching_up_lag else 0


def closest(seen: Observation, attempt: int, behind: int, before: Report | None) -> tuple[int, int]:
    """Return the smallest lag since the attempt fell behind, and when that was (ms). It starts again when an outage has ended."""
    if seen.lag is None:
        return (before.closest, before.closest_at) if before else (0, 0)
    if not behind:
        return 0, 0
    if before is None or not before.closest_at or before.attempt != attempt or seen.now - before.at > UNSEEN_MS:
        return seen.lag, seen.now
    return (seen.lag, seen.now) if seen.lag < before.closest else (before.closest, before.closest_at)


def silent_since(seen: Observation, attempt: int, before: Report | None) -> int:
    """Return since when (ms) the cluster no longer reports a driver that it reported before; 0 if it does, or never did."""
    if seen.driver is not DriverState.UNKNOWN or before is None or before.attempt != attempt:
        return 0
    reported = before.evidence.get("driver") not in (None, str(DriverState.UNKNOWN))
    return before.silent_since or (seen.now if reported else 0)
