"""Count lines again, piece by piece, in as many processes as there are cores."""

from __future__ import annotations

import os
import pickle
import signal
import threading
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import connection, get_context, parent_process
from typing import Any

from spark_jobs.protocol.partition import Partition
from weir.counts.compare import Cell
from weir.counts.lines import reader, service_of
from weir.counts.plan import Piece
from weir.ports.source import Record, Source

FEW = 500_000  # lines that one process has counted before a second one has started
AHEAD = 2  # pieces for each process, in work or done but not added yet: this bounds memory


@dataclass
class Tally:
    """The lines of a piece by cell, each with the offset of its first line.

    Rejected lines are by reason, of whole batches only: for parts of batches the ledger has no number to compare with.
    """

    partition: Partition
    cells: dict[Cell, tuple[int, int]] = field(default_factory=dict)
    rejected: Counter[str] = field(default_factory=Counter)
    first_rejected: int = -1
    records: int = 0  # in the ranges of the piece


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def tallies(source: Source, pieces: Iterable[Piece], workers: int) -> Iterator[Tally]:
    """Count each piece, in order: in this process if there is little to do, or if the source cannot be pickled."""
    pieces = list(pieces)
    workers = min(workers, len(pieces))
    if workers < 2 or sum(piece.lines for piece in pieces) <= FEW or not _can_be_sent(source):
        return (count(source, piece) for piece in pieces)
    return _elsewhere(source, pieces, workers)


def _elsewhere(source: Source, pieces: Iterable[Piece], workers: int) -> Iterator[Tally]:
    """Count in other processes. They are spawned, not forked: the clients of Kafka and Cassandra have threads, which a fork loses."""
    pool = ProcessPoolExecutor(workers, get_context("spawn"), _begin, (source,))
    ahead: deque[Future[Tally]] = deque()
    try:
        for piece in pieces:
            ahead.append(pool.submit(_count_here, piece))
            if len(ahead) >= AHEAD * workers:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


_HERE: list[Source] = []  # what a process of the pool reads


def _begin(source: Source) -> None:
    """Set up a process of the pool. It ends with its parent, however that ends: a killed task must not leave any behind."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent was interrupted too, and reports it
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _HERE[:] = [source]


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
    os._exit(1)


def _count_here(piece: Piece) -> Tally:
    return count(_HERE[0], piece)


def _can_be_sent(what: Any) -> bool:
    try:
        return bool(pickle.dumps(what))
    except Exception:  # noqa: BLE001 - whatever a source raises: then it stays here
        return False


def count(source: Source, piece: Piece) -> Tally:
    """Count one piece. Raises NotRunning."""
    tally, read, pane_ms = Tally(piece.partition), reader(piece.rules), piece.rules.pane
    counts: dict[tuple[int, bytes | str | None, str], int] = {}
    firsts: dict[tuple[int, bytes | str | None, str], int] = {}
    ranges = iter(piece.ranges)
    at = next(ranges)
    for record in source.records(piece.topic, piece.partition.number, piece.start, piece.end, piece.committed):
        offset = record.offset
        while offset >= at.end:
            at = next(ranges)
        if offset < at.start:
            continue  # between two ranges
        tally.records += 1
        parsed = read(record.key, record.value, _arrival(record, at.arrived_by))
        if isinstance(parsed, str):
            if at.whole:
                tally.rejected[parsed] += 1
                tally.first_rejected = offset if tally.first_rejected < 0 else tally.first_rejected
            continue
        moment, level, named = parsed
        key = moment - moment % pane_ms, named or record.key, level
        if key in counts:
            counts[key] += 1
        else:
            counts[key], firsts[key] = 1, offset
    for (pane, name, level), n in counts.items():  # in order of offsets, as they were met: the first of several names stays the first
        cell, first = (pane, name if isinstance(name, str) else service_of(name), level), firsts[pane, name, level]
        before = tally.cells.get(cell, (0, first))
        tally.cells[cell] = before[0] + n, before[1]
    return tally


def _arrival(record: Record, by_ms: int) -> int:
    """Return when a record arrived (ms): as the broker says, or at most `by_ms` if its producer says so; 0: producers are believed."""
    if not record.claimed or not by_ms:
        return record.append_ms
    return by_ms if record.append_ms <= 0 else min(record.append_ms, by_ms)
