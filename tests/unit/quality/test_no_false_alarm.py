"""What validation must not do: raise an alarm over counts that are right, at rest or while they are being written."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from spark_jobs.counts.cells import HOUR_MS
from spark_jobs.protocol.gap import GapKind
from tests.unit.counts.job import JOB, RULES, START, Job
from weir.counts.folding import fold_many, pending, sweep_many, sweepable
from weir.counts.quality.tables import gather
from weir.counts.quality.validate import run

NOW = START + 20 * HOUR_MS
READS = ("head", "firsts", "hours", "published", "run_cells", "deltas", "hour_totals", "ledger")


class Eventful:
    """A job to which everything happens that may, from a seed."""

    def __init__(self, seed: int) -> None:
        self.rng, self.job = Random(seed), Job(partitions=3)

    def lines(self) -> None:
        """Up to twenty: of any age, so that most of them are late in the end, a few rejected."""
        for _ in range(self.rng.randint(1, 20)):
            if self.rng.random() < 0.1:
                self.job.send_bad(b"\xff", "not_utf8", self.rng.randrange(3))
            else:
                at = START + self.rng.randrange(3 * HOUR_MS)
                self.job.send(at, f"s{self.rng.randrange(3)}", self.rng.choice(("error", "info")), self.rng.randrange(3), NOW)
        self.job.land()

    def fold(self) -> None:
        fold_many(self.job.store, JOB, pending(self.job.store, JOB), NOW)

    def sweep(self) -> None:
        sweep_many(self.job.store, JOB, sweepable(self.job.store, JOB, NOW + 1, grace=1), NOW + 1, grace=1)

    def leave_out(self) -> None:
        self.job.send(START, partition=0, append=NOW)
        self.job.pass_over(1, self.rng.choice(list(GapKind)))

    def step(self) -> None:
        happens: Callable[[], Any] = self.rng.choice(
            (self.lines, self.lines, self.fold, self.sweep, self.leave_out, self.job.take_over, self.job.rebuild, self.job.land)
        )
        happens()

    def alarms(self) -> list[str]:
        return [law.sentence for law in run(JOB, gather(self.job.store, self.job.broker, RULES, None, None, NOW)).broken]


@pytest.mark.parametrize("seed", range(100))
def test_clean_runs_raise_none(seed: int) -> None:
    it = Eventful(seed)
    it.lines()
    for _ in range(it.rng.randint(0, 12)):
        it.step()
    it.lines()
    assert it.alarms() == []


@pytest.mark.parametrize("seed", range(20))
def test_nor_does_a_stream_that_is_written_to_at_this_moment(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before any of its reads, batches land, hours begin, folds publish, and what they replaced is swept."""
    it = Eventful(seed)
    for _ in range(3):
        it.lines()
    for name in READS:
        monkeypatch.setattr(it.job.store, name, _after_something(it, getattr(it.job.store, name)))
    assert it.alarms() == []
    assert it.happened


def _after_something(it: Any, read: Callable[..., Any]) -> Callable[..., Any]:
    it.happened, it.busy = 0, False

    def first(*args: Any, **kwargs: Any) -> Any:
        if not it.busy and it.happened < 60 and it.rng.random() < 0.5:
            it.busy, it.happened = True, it.happened + 1
            it.step()
            it.busy = False
        return read(*args, **kwargs)

    return first
