"""Wrong data written straight into the store: validation must report each by the expectation that fails, and nothing on clean data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count

from drill.fault import Scene, fault, now_ms
from drill.stage import JOB, Stage
from spark_jobs.protocol import codec
from spark_jobs.protocol.head import Head
from spark_jobs.runtime.store import day_of
from weir.counts.closed import closed_now
from weir.counts.quality.validate import check
from weir.errors import NotProven
from weir.ports.counts import Cell, HourShard

CLEAN_RUNS = 3
TOO_MANY = 7
SUMS, JOINS = "folded runs and deltas are what the ledger says", "each batch begins where the one before it ended"
CONSERVED = "lines are the sum of levels and rejected"


class Defects:
    """Writes defects into the rows of one landed batch, each for the time of a block, with later timestamps than the rows have."""

    def __init__(self, stage: Stage) -> None:
        self._stage, self._store = stage, stage.manager.store
        self.head = next(h for h in self._store.ledger(JOB) if h.has_batch and h.totals.levels)
        self.at, self.cell, self.n = self._one_of(self.head)
        self._later = count(self.head.write_ts + 1)  # timestamps: the later write wins, also over the repair of the previous defect

    def _one_of(self, head: Head) -> tuple[HourShard, Cell, int]:
        """Return a delta of the batch."""
        for touched in self._store.hours(JOB):
            at = touched.hour, touched.shard
            for position, cell, n in self._store.deltas(JOB, at):
                if position == (head.by, head.batch_id):
                    return at, cell, n
        raise NotProven(f"Batch {head.batch_id} of attempt {head.by} has no deltas.", "They may not be folded away yet.")

    @property
    def closed(self) -> bool:
        rules = self._stage.rules
        return closed_now(self._stage.head(), rules, self._stage.broker, now_ms()) >= self.cell[0] + rules.pane

    @contextmanager
    def delta(self, cell: Cell, n: int) -> Iterator[None]:
        """Add a count to the batch, as if it had been written with it."""
        self._put_delta(cell, n, self.head.write_ts)
        try:
            yield
        finally:
            self._run(
                "DELETE FROM delta USING TIMESTAMP ? WHERE job = ? AND hour = ? AND shard = ? AND pane_start = ? AND service = ? "
                "AND level = ? AND signature = ? AND attempt = ? AND batch_id = ?",
                self.head.write_ts, JOB, *self.at, *cell, self.head.by, self.head.batch_id,
            )  # fmt: skip

    @contextmanager
    def lost_delta(self) -> Iterator[None]:
        """Lower a count of the batch."""
        self._put_delta(self.cell, self.n - 1, self.head.write_ts + 1)
        try:
            yield
        finally:
            self._put_delta(self.cell, self.n, self.head.write_ts + 2)

    @contextmanager
    def ledger(self, wrong: Head | None) -> Iterator[None]:
        """Change or remove the batch's row in the ledger."""
        key = JOB, day_of(self.head.write_ts), self.head.by, self.head.batch_id
        self._run(
            "DELETE FROM ledger USING TIMESTAMP ? WHERE job = ? AND day = ? AND attempt = ? AND batch_id = ?", next(self._later), *key
        )
        if wrong is not None:
            self._put_ledger(wrong)
        try:
            yield
        finally:
            self._put_ledger(self.head)

    def _put_delta(self, cell: Cell, n: int, timestamp: int) -> None:
        self._run(
            "INSERT INTO delta (job, hour, shard, pane_start, service, level, signature, attempt, batch_id, n) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?",
            JOB, *self.at, *cell, self.head.by, self.head.batch_id, n, timestamp,
        )  # fmt: skip

    def _put_ledger(self, head: Head) -> None:
        self._run(
            "INSERT INTO ledger (job, day, attempt, batch_id, epoch, lines, landed_at, record) VALUES (?, ?, ?, ?, ?, ?, ?, ?) "
            "USING TIMESTAMP ?",
            JOB, day_of(self.head.write_ts), head.by, head.batch_id, head.epoch, head.totals.lines, head.landed_at, codec.dump(head),
            next(self._later),
        )  # fmt: skip

    def _run(self, cql: str, *values: object) -> None:
        self._stage.session.execute(cql, *values)


def seeded(defects: Defects) -> Iterator[tuple[str, Callable[[], object], str]]:
    """Yield each defect: its description, how to write it, and the expectation that must report it."""
    pane, service, level, signature = defects.cell
    totals = defects.head.totals
    yield "a pane counted twice", lambda: defects.delta((pane, service, level, f"{signature} again"), TOO_MANY), SUMS
    yield "a line missing", defects.lost_delta, SUMS
    yield "a negative count", lambda: defects.delta((pane, service, level, "negative"), -TOO_MANY), "no count is negative"
    yield "a count without service", lambda: defects.delta((pane, "", level, signature), 1), "every count has a service"
    yield "a pane off its grid", lambda: defects.delta((pane + 1, service, level, signature), 1), "panes begin at multiples of the pane"
    yield "a level in capitals", lambda: defects.delta((pane, service, "ERROR", signature), 1), "levels are lower case"
    yield "a batch missing from the ledger", lambda: defects.ledger(None), JOINS
    wrong = replace(defects.head, totals=replace(totals, lines=totals.lines + 1))
    yield "a batch whose lines do not add up", lambda: defects.ledger(wrong), CONSERVED


@fault("F25", "wrong data seeded into the store, and clean data beside it")
def seeded_defects(scene: Scene) -> None:
    stage = scene.stage
    scene.load.hold()
    stage.await_landed()
    defects, found = Defects(stage), 0
    stage.until(lambda: defects.closed, "the pane that is to have defects is closed: of others validation says nothing")
    _expect_clean(stage)
    for words, seed, law in seeded(defects):
        with seed():  # type: ignore[attr-defined]
            broken = _broken(stage)
        if law not in broken:
            raise NotProven(f"Seeded was {words}; validation reported {broken or 'nothing'}.", f"It must report: {law}.")
        found += 1
    for _ in range(CLEAN_RUNS):
        _expect_clean(stage)
    scene.notes.append(f"{found} of {found} defects were reported, and none in {CLEAN_RUNS + 1} clean runs")
    scene.load.go_on()
    scene.healed()


def _broken(stage: Stage) -> list[str]:
    return [law.law for law in check(stage.manager.store, stage.broker, stage.rules, "").broken]


def _expect_clean(stage: Stage) -> None:
    if broken := _broken(stage):
        raise NotProven(f"On clean data validation reported {broken}.", "That is a false alarm.")
