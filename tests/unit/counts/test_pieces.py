"""What a recount is made of: pieces of work, in this process or in others, and the comparison that does not fit into memory."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random

import pytest

from spark_jobs.protocol.partition import Partition
from tests.conftest import PROJECT
from weir.counts import plan, tally
from weir.counts.compare import REJECTED, Cell, Comparison, Difference
from weir.counts.fold import fold, seen_landed
from weir.counts.plan import NEAR, Piece, Plan, Range
from weir.counts.read import as_of
from weir.counts.recount import recount
from weir.counts.scope import Scope, sampled
from weir.ports.source import Record
from weir.sources.kafka import KafkaBroker
from weir.testing import MemoryBroker, MemoryStore

from .job import JOB, RULES, START, TOPIC, Job, line

S, FIRST = 1000, Partition("t", 0)


def planned(ranges: list[tuple[int, int, bool]], most: int) -> list[Piece]:
    found = Plan()
    found.ranges[FIRST] = [Range(*one, RULES) for one in reversed(ranges)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "PIECE", most)
        return list(found.pieces())


def test_pieces_hold_every_range_once_and_no_more_lines_than_they_may() -> None:
    ranges = [(0, 25, True), (25, 30, False), (40, 41, True), (50 + NEAR, 60 + NEAR, True)]
    pieces = planned(ranges, 10)
    assert all(piece.lines <= 10 for piece in pieces)
    assert Counter(o for p in pieces for a, b, *_ in p.ranges for o in range(a, b)) == Counter(o for a, b, _ in ranges for o in range(a, b))
    assert [(p.start, p.end) for p in pieces] == [(0, 10), (10, 20), (20, 30), (40, 41), (50 + NEAR, 60 + NEAR)]


def test_what_lies_between_two_near_ranges_is_read_and_not_counted() -> None:
    broker = MemoryBroker()
    broker.create(TOPIC, 1)
    for i in range(10):
        broker.add(TOPIC, 0, b"web", line(START + i * S, "error" if i in (2, 3, 7) else "info"), START)
    broker.add(TOPIC, 0, b"web", b"", START)
    (piece,) = planned([(2, 4, True), (7, 8, False)], 100)
    assert tally.count(broker, piece).cells == {(START, "web", "error"): (3, 2)}
    (piece,) = planned([(9, 10, True), (10, 11, True)], 100)
    assert tally.count(broker, piece).rejected == {"empty": 1}
    (piece,) = planned([(10, 11, False)], 100)
    assert tally.count(broker, piece).rejected == {}


def busy(lines: int = 3000) -> Job:
    """Many services, panes and rejected lines on four partitions; one cell of the store is one too high."""
    job, rng = Job(partitions=4), Random(7)
    for n in range(lines):
        if n % 97 == 0:
            job.send_bad(b"\xff", "not_utf8", rng.randrange(4))
        job.send(
            START + rng.randrange(3_600_000), f"s{rng.randrange(5)}", rng.choice(("error", "info")), rng.randrange(4), START + 3_600_000
        )
        if n % 1000 == 0:
            job.land()
    job.land()
    rows = next(iter(job.store._deltas.values()))
    key = min(rows)
    rows[key] = rows[key][0] + 1, rows[key][1]
    return job


def test_processes_find_what_one_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    job = busy()
    alone = recount(job.store, job.broker, RULES)
    monkeypatch.setattr(tally, "FEW", 0)
    monkeypatch.setattr(plan, "PIECE", 300)
    begun: list[int] = []
    pool = tally.ProcessPoolExecutor
    monkeypatch.setattr(tally, "ProcessPoolExecutor", lambda n, *rest: begun.append(n) or pool(n, *rest))
    together = recount(job.store, job.broker, RULES, workers=2)
    assert begun == [2]
    assert together == alone
    assert (alone.missing, alone.doubled, alone.checked_lines) == (0, 1, sum(job.broker.end_offsets(TOPIC).values()))


class Stubborn(MemoryBroker):
    """A source that stays where it is."""

    def __reduce__(self) -> tuple[type, tuple[()]]:
        raise TypeError("cannot be sent")


def test_a_source_that_cannot_be_sent_is_read_here(monkeypatch: pytest.MonkeyPatch) -> None:
    job = busy(50)
    job.broker.__class__ = Stubborn
    monkeypatch.setattr(tally, "FEW", 0)
    monkeypatch.setattr(tally, "ProcessPoolExecutor", None)
    monkeypatch.setattr(plan, "PIECE", 10)
    assert recount(job.store, job.broker, RULES, workers=2).checked_lines == 51


def test_a_failure_in_a_process_is_told_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    from weir.errors import NotRunning

    monkeypatch.setattr(tally, "FEW", 0)
    nowhere = MemoryBroker()
    nowhere.create(TOPIC, 1)
    nowhere.answers = False
    pieces = planned([(0, 1, True), (1, 2, True)], 1)
    with pytest.raises(NotRunning, match="WEIR-201: The broker does not answer"):
        list(tally.tallies(nowhere, pieces, 2))


def test_kafka_goes_to_another_process_as_its_address() -> None:
    import pickle

    there = pickle.loads(pickle.dumps(KafkaBroker("127.0.0.1:1", budget_s=0.5)))
    assert (there._address.servers, there._budget_s, there._admin) == ("127.0.0.1:1", 0.5, None)


PARENT = """
import os, sys
from spark_jobs.protocol.partition import Partition
from tests.unit.counts.test_pieces import FIRST, Endless
from weir.counts import tally
from weir.counts.plan import Piece, Range
from weir.counts.rules import Rules
if __name__ == "__main__":
    tally.FEW = 0
    one = Range(0, 1, True, Rules("j", "t"))
    for _ in tally.tallies(Endless(sys.argv[1]), [Piece(FIRST, (one,)), Piece(Partition("t", 1), (one,))], 2):
        pass
"""


class Endless:
    """Notes the process that reads it, and never ends."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def records(self, topic: str, partition: int, start: int, end: int, committed: bool = True) -> Iterator[Record]:
        (Path(self.folder) / str(os.getpid())).touch()
        while True:
            time.sleep(0.05)
            yield Record(partition, start, None, b"", 0)


def test_processes_end_with_their_parent_however_it_ends(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    seen = tmp_path / "seen"
    seen.mkdir()
    env = {**os.environ, "PYTHONPATH": f"{PROJECT}:{PROJECT / 'plugins'}"}
    parent = subprocess.Popen([sys.executable, str(script), str(seen)], env=env)
    try:
        _until(lambda: len(list(seen.iterdir())) == 2)
    finally:
        parent.kill()
        parent.wait()
    _until(lambda: not any(_runs(int(file.name)) for file in seen.iterdir()))


def _runs(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


def _until(so: object) -> None:
    deadline = time.monotonic() + 60
    while not so():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_comparison_finds_what_dictionaries_find_also_when_it_goes_to_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weir.counts.compare.CACHE_KIB", 1)
    rng = Random(3)
    stored: Counter[Cell] = Counter()
    counted: Counter[Cell] = Counter()
    first: dict[Cell, tuple[int, int]] = {}
    with Comparison() as comparison:
        for _ in range(40):
            cells = {(rng.randrange(400) * 10_000, f"s{rng.randrange(9)}", "error"): rng.randrange(1, 4) for _ in range(300)}
            if rng.random() < 0.5:
                stored.update(cells)
                comparison.add_stored(cells)
            else:
                partition, offset = rng.randrange(3), rng.randrange(1000)
                counted.update(cells)
                first |= {cell: min(first.get(cell, (9, 0)), (partition, offset)) for cell in cells}
                comparison.add_counted(partition, {cell: (n, offset) for cell, n in cells.items()})
        expected = [
            Difference(cell, stored[cell], counted[cell], first.get(cell))
            for cell in sorted(stored.keys() | counted.keys())
            if stored[cell] != counted[cell]
        ]
        assert list(comparison.differences(())) == expected and len(expected) > 1000
        told = [d for d in expected if d.recounted > d.stored]
        assert list(comparison.differences({0})) == [d for d in expected if d in told or d.cell[0] >= 3_600_000]


def test_names_are_compared_byte_by_byte() -> None:
    names = ["", "a", "A", "a\0", "a\0b", "a ", "\u00e9", "e\u0301", "\U0010ffff", "\ufffd"]
    with Comparison() as comparison:
        comparison.add_stored({(START, name, "error"): 1 for name in names})
        comparison.add_counted(0, {(START, name, "error"): (1, i) for i, name in enumerate(names)})
        assert list(comparison.differences(())) == []
        comparison.add_counted(1, {(START, "a\0b", "error"): (1, 5)})
        assert [(d.cell[1], d.missing, d.first) for d in comparison.differences(())] == [("a\0b", 1, (0, 4))]


def test_rejected_lines_differ_in_unsure_hours_too() -> None:
    with Comparison() as comparison:
        comparison.add_stored({REJECTED: 2, (5, "web", "error"): 1})
        assert [d.cell for d in comparison.differences({0})] == [REJECTED]


def test_a_place_is_read_as_of_a_head_until_a_fold_goes_beyond_it() -> None:
    job = Job()
    job.send(START)
    job.land()
    seen = seen_landed(job.store, JOB)
    (at,) = job.places()
    job.send(START)
    job.land()
    assert sum((as_of(job.store, JOB, at, seen) or {}).values()) == 1
    fold(job.store, JOB, at, "r1", 1)
    assert as_of(job.store, JOB, at, seen) is None
    assert sum((as_of(job.store, JOB, at, seen_landed(job.store, JOB)) or {}).values()) == 2


def test_a_recount_begins_again_when_a_fold_goes_beyond_its_head(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the head was read a batch lands and is folded, and what was folded is swept: the first head cannot be read any more."""
    job = Job()
    for second in range(3):
        job.send(START + second * S, f"s{second}")
    job.land()
    hours, turns = MemoryStore.hours, iter(range(3))

    def meanwhile(self: MemoryStore, *args: object) -> object:
        if next(turns, None) is not None:
            job.send(START)
            job.land()
            for at in [(t.hour, t.shard) for t in hours(self, JOB)]:
                fold(self, JOB, at, f"r{job.next_batch}", 1)
                self.delete_deltas(JOB, at, self._published[JOB, at].write_ts)
        return hours(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(MemoryStore, "hours", meanwhile)
    result = recount(job.store, job.broker, RULES)
    assert (result.missing, result.doubled, result.checked_lines) == (0, 0, 6)


def test_an_hour_that_a_batch_begins_while_the_recount_does_is_not_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    job = Job()
    job.send(START)
    job.land()
    firsts, turns = MemoryStore.firsts, iter(range(2))

    def meanwhile(self: MemoryStore, name: str) -> Mapping[int, tuple[int, int]]:
        if (turn := next(turns, None)) is not None:
            job.send(START + turn * 3_600_000, append=START + turn * 3_600_000)
            job.land()
        return firsts(self, name)

    monkeypatch.setattr(MemoryStore, "firsts", meanwhile)
    assert recount(job.store, job.broker, RULES).proven


def test_a_sample_is_the_same_for_the_same_seed() -> None:
    hours = [n * 3_600_000 for n in range(50)]
    assert sampled(hours, 5, 1) == sampled([*hours, *hours], 5, 1) != sampled(hours, 5, 2)
    assert len(sampled(hours, 5, 1)) == 5 and sampled(hours, 99, 1) == frozenset(hours)


def test_a_sample_looks_only_at_its_hours() -> None:
    job = Job()
    for hour in range(4):
        job.send(START + hour * 3_600_000, append=START + hour * 3_600_000)
        job.send(START + hour * 3_600_000, "api", append=START + hour * 3_600_000)
        job.land()
    bad = START + 2 * 3_600_000
    for (_, at), rows in job.store._deltas.items():
        if at[0] == bad:
            rows.clear()
    assert not recount(job.store, job.broker, RULES, Scope(hours=frozenset({START, bad}))).exact
    result = recount(job.store, job.broker, RULES, Scope(hours=frozenset({START, START + 3 * 3_600_000})))
    assert result.proven and result.checked_lines == 4
