"""The progress of a job: remaining lines, landed batches, rejected lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from spark_jobs.counts.cells import RejectedLine
from spark_jobs.protocol.codec import dump_gap
from spark_jobs.protocol.gap import Gap, Hole
from spark_jobs.protocol.head import Head, Offsets, Position, State
from spark_jobs.protocol.partition import is_folder, labels
from spark_jobs.protocol.read_files import unpacked
from weir.counts.fold import seen_landed
from weir.errors import UnknownJob
from weir.ports.counts import CountStore
from weir.ports.heads import HeadStore
from weir.ports.ledger import LandedStore
from weir.times import iso


def head_of(store: HeadStore, job: str) -> Head:
    """Return the job's head. Raises UnknownJob if it has not been deployed yet."""
    head = store.head(job)
    if head is None:
        raise UnknownJob(f"{job} has not been deployed yet.", f"Run: weir deploy {job}")
    return head


def left(store: CountStore, job: str, ends: Offsets) -> int:
    """Return how many offsets before `ends` have not landed. Raises UnknownJob."""
    frontier = head_of(store, job).frontier
    return sum(max(0, end - frontier.get(p, 0)) for p, end in ends.items())


def batches(store: LandedStore, job: str, head: Head | None = None, before: Position | None = None) -> Iterator[Head]:
    """Yield an open claim, then every landed batch and every gap, newest first, as of one head: later batches are left out, even if the
    ledger has them already. `head` defaults to the present one; with `before`, yield only older ones. Raises UnknownJob."""
    head = head or head_of(store, job)
    if (head.has_batch or head.gap) and (before is None or (head.by, head.batch_id) < before):
        yield head
    for kept in store.ledger(job, before):
        if (kept.by, kept.batch_id) < (head.by, head.batch_id):
            yield kept


def ledger_row(head: Head) -> dict[str, Any]:
    """Return a batch as `weir ledger` shows it. `offsets` are [first, one after the last] by partition; for a gap, what was left out."""
    if head.gap is not None:
        return _gap_row(head, head.gap)
    totals, landed = head.totals, head.state is State.LANDED
    return {
        "epoch": head.epoch,
        "batch_id": head.batch_id,
        "state": str(head.state),
        "offsets": {label: [head.start.get(p, 0), head.end[p]] for p, label in labels(head.end, head.names).items()},
        "lines": totals.lines,
        "rejected": sum(totals.rejects.values()),
        "continuations": totals.continuations,
        "late": totals.late,
        "landed_at": iso(head.landed_at) if landed and head.landed_at else None,
        "attempt": head.by,
        "levels": dict(totals.levels),
        "rejected_by_reason": dict(totals.rejected),
        "skipped": head.batch.offsets - totals.lines,
        "version": head.version,
        "began_at": iso(head.began_at) if head.began_at else None,
        **_of_landed(head),
    }


def _of_landed(head: Head) -> dict[str, Any]:
    """Return what the row of a landed job has: it does not say which of its offsets held a record, but how many rows they came to."""
    if head.digest is None:
        return {}
    lines = sum(end - head.start.get(p, 0) for p, end in head.end.items() if not is_folder(p.source))
    return {"lines": lines, "skipped": 0, "rows": head.digest.rows, "digest": head.digest.value, **_files(head)}


def _files(head: Head) -> dict[str, Any]:
    """Return the files of a batch of folders, as they were when it was claimed."""
    found = [{"path": file.path, "size": file.size, "modified_at": iso(file.modified)} for file in unpacked(head.files)]
    return {"files": found} if found else {}


def _gap_row(head: Head, gap: Gap) -> dict[str, Any]:
    return {
        "epoch": head.epoch,
        "batch_id": None,
        "state": "gap",
        "offsets": {_of_hole(h, head): [h.start, h.end] for h in reversed(gap.holes)},
        "lines": 0,
        "rejected": 0,
        "continuations": 0,
        "late": 0,
        "landed_at": iso(gap.at) if gap.at else None,
        "attempt": head.by,
        "skipped": gap.lines,
        "gap": dump_gap(gap),
    }


def _of_hole(hole: Hole, head: Head) -> str:
    """Return the label of a partition: its number, with the topic in a job that may read several; the topic id if its name is unknown."""
    partition = hole.partition
    return f"{head.names.get(partition.source, partition.source)}/{partition.number}" if head.names else str(partition.number)


def landed_lines(store: LandedStore, job: str) -> int:
    """Return the number of all landed lines. Raises UnknownJob."""
    seen = seen_landed(store, job)
    return sum(head.totals.lines for head in batches(store, job) if (head.by, head.batch_id) in seen)


def samples(store: CountStore, job: str, reason: str | None = None) -> Iterator[RejectedLine]:
    """Yield samples of rejected lines of landed batches, newest batch first. Raises UnknownJob."""
    head_of(store, job)
    seen = seen_landed(store, job)
    for position, line in store.rejected_lines(job):
        if position in seen and (reason is None or line.reason == reason):
            yield line
