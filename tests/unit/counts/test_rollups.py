"""Roll-ups: when days are rolled up, that answers from them are the answers from panes, and what is read for them."""

from __future__ import annotations

from typing import Any

import pytest

from spark_jobs.counts.cells import DAY_MS, HOUR_MS
from weir.counts.fold import Candidate, Outcome
from weir.counts.folding import GRACE_MS, fold_many, pending, pending_days, roll_up_many, sweep_many, sweepable
from weir.counts.panes import Windows
from weir.counts.query import ALL, Question, counts
from weir.counts.sweep import sweep_rolls
from weir.errors import NotProven

from .job import JOB, Job

DAY = 1_769_817_600_000  # 31 January 2026
NOW = DAY + 10 * DAY_MS


@pytest.fixture
def job() -> Job:
    """Three days of two services, a line an hour; the third day is folded but for its last hours."""
    job = Job()
    for hour in range(72):
        at = DAY + hour * HOUR_MS
        job.send(at + 1000 * (hour % 60), ("web", "pay")[hour % 2], "error" if hour % 3 else "info", hour % 2, at)
    job.land()
    return job


def fold(job: Job, until: int = DAY + 3 * DAY_MS, now: int = NOW) -> None:
    fold_many(job.store, JOB, pending(job.store, JOB, until), now)


def roll_up(job: Job, until: int = DAY + 3 * DAY_MS, now: int = NOW) -> list[Outcome]:
    return [one.outcome for one in roll_up_many(job.store, JOB, pending_days(job.store, JOB, until), now)]


def sweep(job: Job, now: int) -> int:
    return sweep_many(job.store, JOB, sweepable(job.store, JOB, now), now)


def asked(job: Job, width: int, **values: Any) -> tuple[list[dict[str, Any]], str]:
    told: list[str] = []
    return counts(job.store, JOB, Question(Windows(width, width), levels=ALL, **values), told.append), told[0]


def late_line(job: Job, at: int) -> None:
    job.send(at, "web", append=NOW)
    job.land()


def test_a_day_is_rolled_up_once_closed_and_folded_and_again_after_a_late_line(job: Job) -> None:
    fold(job, DAY + DAY_MS - 2 * HOUR_MS)
    assert pending_days(job.store, JOB) == [], "an hour of each day is not folded"
    fold(job, DAY + 2 * DAY_MS)
    assert pending_days(job.store, JOB, DAY + DAY_MS - 1) == []
    assert pending_days(job.store, JOB) == [(DAY, 0), (DAY, 1), (DAY + DAY_MS, 0), (DAY + DAY_MS, 1)]
    assert roll_up(job) == [Outcome.PUBLISHED] * 4
    assert pending_days(job.store, JOB) == []
    late_line(job, DAY + 5)
    fold(job, DAY + 2 * DAY_MS)
    ((day, _),) = pending_days(job.store, JOB)
    assert day == DAY
    assert roll_up(job) == [Outcome.PUBLISHED]
    assert sum(len(rolls) for rolls in job.store.rolls(JOB).values()) == 5
    assert sweep_rolls(job.store, JOB, NOW - 1) == 0
    assert sweep_rolls(job.store, JOB, NOW) == 1


def test_a_sweep_of_what_the_day_does_not_cover_empties_its_row(job: Job) -> None:
    fold(job)
    roll_up(job)
    late_line(job, DAY + 5)
    fold(job)
    (at,) = pending_days(job.store, JOB)
    assert sweep(job, NOW + GRACE_MS) > 0
    assert not job.store.rolled(JOB)[at].covers
    assert all(row.covers for day, row in job.store.rolled(JOB).items() if day != at)
    assert asked(job, DAY_MS)[1].startswith("3 days from day roll-ups, ")
    assert roll_up(job) == [Outcome.PUBLISHED]
    assert asked(job, DAY_MS)[1] == "3 days from day roll-ups; deltas of 0 hours and shards"


@pytest.mark.parametrize("width", [HOUR_MS, 6 * HOUR_MS, DAY_MS, 2 * DAY_MS])
def test_answers_are_the_same_from_deltas_hours_and_days_late_lines_included(job: Job, width: int) -> None:
    before, told = asked(job, width)
    assert told == "nothing from folded sums; deltas of 72 hours and shards"
    fold(job, DAY + 2 * DAY_MS + 5 * HOUR_MS)
    roll_up(job)
    sweep(job, NOW + GRACE_MS)
    after, told = asked(job, width)
    assert after == before
    expected = "2 days from day roll-ups, 5 hours" if width % DAY_MS == 0 else "53 hours"
    assert told == f"{expected} from hour roll-ups; deltas of 19 hours and shards"
    late_line(job, DAY + 5)
    late, told = asked(job, width)
    assert sum(r["n"] for r in late) == 73
    assert told.endswith("deltas of 20 hours and shards")


def test_days_that_are_not_rolled_up_are_read_by_hours_and_old_runs_by_panes(job: Job) -> None:
    fold(job, DAY + 2 * DAY_MS)
    key = next(k for k in job.store._run_hours if k[1][0] == DAY)
    del job.store._run_hours[key]
    rows, told = asked(job, DAY_MS, until=DAY + 1)
    assert told == "23 hours from hour roll-ups, 1 hour from panes; deltas of 0 hours and shards"
    assert sum(r["n"] for r in rows) == 24
    assert roll_up(job) == [Outcome.PUBLISHED] * 4
    assert asked(job, DAY_MS, until=DAY + 1) == (rows, "1 day from day roll-ups; deltas of 0 hours and shards")


def test_only_the_days_that_windows_reach_into_are_read(job: Job) -> None:
    fold(job)
    roll_up(job)
    rows, told = asked(job, DAY_MS, since=DAY + 1, until=DAY + DAY_MS + 1)
    assert [r["window_start"][:10] for r in rows if r["service"] == "web" and r["level"] == "error"] == ["2026-02-01"]
    assert told == "1 day from day roll-ups; deltas of 0 hours and shards"


def test_a_day_that_is_not_what_the_ledger_says_is_not_published(job: Job) -> None:
    fold(job)
    at = (DAY, 0)
    totals = next(t for (_, place), t in job.store._totals.items() if place[1] == 0 and place[0] < DAY + DAY_MS)
    position, levels = next(iter(totals.items()))
    totals[position] = {**levels, "error": 99}
    with pytest.raises(NotProven, match=rf"WEIR-401: error_counts, day {DAY}, shard 0: rolled up to .*the ledger says"):
        roll_up(job)
    assert at not in job.store.rolled(JOB)
    assert (DAY, 1) in job.store.rolled(JOB), "the others are published"


def test_a_roll_up_that_is_not_its_runs_sum_is_not_published(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job.store, "run_hour", lambda *args: {("web", "error", ""): 1})
    with pytest.raises(NotProven, match=r"hour roll-up has 1 lines .* And 71 more\."):
        fold(job)
    assert pending_days(job.store, JOB) == []


def test_the_gate_holds_up_only_what_it_refuses(job: Job) -> None:
    judged: list[int] = []

    def gate(ready: Any) -> dict[tuple[int, int], str]:
        judged.append(len(ready))
        assert all(isinstance(one, Candidate) for one in ready)
        return {ready[0].at: "levels are lower case"}

    with pytest.raises(NotProven, match=rf"hour {DAY}, shard \d: levels are lower case\. Nothing was published"):
        fold_many(job.store, JOB, pending(job.store, JOB), NOW, gate)
    assert judged == [72]
    assert len(pending(job.store, JOB)) == 1
