"""Defects seeded into Cassandra itself, by hand, in counts that were right: each is reported by the law that it breaks."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from spark_jobs.counts.cells import HOUR_MS
from tests.unit.counts.job import RULES, START, Job
from weir.cassandra.store import CassandraStore
from weir.counts.folding import fold_many, pending
from weir.counts.quality.validate import check

pytestmark = pytest.mark.stack
NOW = START + 20 * HOUR_MS
KEY = ("job", "hour", "shard", "pane_start", "service", "level", "signature", "attempt", "batch_id")


@pytest.fixture
def job(real_store: CassandraStore) -> Job:
    """A folded hour and one that is not, over three batches and a restart."""
    job = Job(store=real_store, name=f"job_{uuid4().hex[:8]}")
    for i in range(6):
        job.send(START + i * 5000, service=f"s{i % 3}", partition=i % 2)
    job.send_bad(b"", "empty")
    job.land()
    job.send(START + 1000, append=START + 2000)
    job.land()
    fold_many(real_store, job.name, pending(real_store, job.name), NOW)
    job.take_over()
    job.send(START + HOUR_MS, append=START + HOUR_MS)
    job.send(START + HOUR_MS + 700_000, append=START + HOUR_MS + 700_000)
    job.land()
    return job


def broken(job: Job) -> set[str]:
    result = check(job.store, job.broker, replace(RULES, job=job.name), "", now=NOW)
    return {f"{law.table}: {law.law}" for law in result.broken}


def row(job: Job, table: str) -> dict[str, Any]:
    """A row of a table, of the newest batch that has one."""
    where = "job = ?" if table == "hour" else "job = ? ALLOW FILTERING"
    rows = job.store.session.execute(f"SELECT * FROM {table} WHERE {where}", job.name)
    return dict(max(rows, key=lambda r: (getattr(r, "attempt", 0), getattr(r, "batch_id", 0)))._asdict())


def put(job: Job, table: str, values: dict[str, Any]) -> None:
    names, marks = ", ".join(values), ", ".join("?" for _ in values)
    job.store.session.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", *values.values())


def drop(job: Job, table: str, found: dict[str, Any], key: tuple[str, ...]) -> None:
    job.store.session.execute(f"DELETE FROM {table} WHERE {' AND '.join(f'{k} = ?' for k in key)}", *(found[k] for k in key))


def delta(**changes: Any) -> Callable[[Job], None]:
    """Replace a delta by one with other values; a function of the row for what depends on it."""

    def seed(job: Job) -> None:
        found = row(job, "delta")
        drop(job, "delta", found, KEY)
        put(job, "delta", {**found, **{name: new(found) if callable(new) else new for name, new in changes.items()}})

    return seed


def lost(table: str, *key: str) -> Callable[[Job], None]:
    return lambda job: drop(job, table, row(job, table), key)


def lost_batch(job: Job) -> None:
    """Not the newest, which is in the head, nor the oldest."""
    found = row(job, "ledger")
    drop(job, "ledger", found, ("job", "day", "attempt", "batch_id"))
    assert found["batch_id"] == 1


def miscounted(**changes: Any) -> Callable[[Job], None]:
    def seed(job: Job) -> None:
        found = row(job, "ledger")
        record = json.loads(found["record"])
        put(job, "ledger", {**found, "record": json.dumps({**record, "totals": {**record["totals"], **changes}})})

    return seed


def changed_run(job: Job) -> None:
    found = row(job, "run")
    put(job, "run", {**found, "n": found["n"] + 1})


def waiting(job: Job) -> None:
    job.send(START)


SUMS = "hours: folded runs and deltas are what the ledger says"
DEFECTS: dict[str, tuple[Callable[[Job], None], str]] = {
    "a pane is missing": (lost("delta", *KEY), SUMS),
    "a delta is doubled": (delta(n=lambda r: 2 * r["n"]), SUMS),
    "a delta is there twice": (lambda job: put(job, "delta", {**row(job, "delta"), "signature": "another"}), SUMS),
    "a count is negative": (delta(n=-1), "counts: no count is negative"),
    "a service is empty": (delta(service=""), "counts: every count has a service"),
    "a level is empty": (delta(level=""), "counts: every count has a level"),
    "a level is in upper case": (delta(level="ERROR"), "counts: levels are lower case"),
    "a pane is misaligned": (delta(pane_start=lambda r: START + HOUR_MS + 3), "counts: panes begin at multiples of the pane"),
    "a published run was changed": (changed_run, SUMS),
    "a published run is gone": (lost("run", "job", "hour", "shard", "run"), SUMS),
    "what a batch wrote to an hour is missing": (lost("ledger_hour", "job", "hour", "shard", "attempt", "batch_id"), SUMS),
    "an hour is missing": (lost("hour", "job", "hour", "shard"), "ledger: the hours hold what each batch counted"),
    "a row of the ledger is missing": (lost_batch, "ledger: each batch begins where the one before it ended"),
    "lines are not levels and rejected": (miscounted(rejected={"empty": 5}), "ledger: lines are the sum of levels and rejected"),
    "lines are more than offsets": (miscounted(lines=9, levels={"error": 9}), "ledger: no batch has more lines than offsets"),
    "a line of the offsets is left out": (miscounted(lines=0, levels={}, rejected={}), "ledger: every line of the offsets is in its batch"),
    "input waits": (waiting, "freshness: input waits no longer than 300 s"),
}


def test_counts_that_are_right_break_none(job: Job) -> None:
    assert broken(job) == set()


@pytest.mark.parametrize("defect", DEFECTS)
def test_each_defect_is_reported(defect: str, job: Job) -> None:
    seed, law = DEFECTS[defect]
    seed(job)
    assert law in broken(job)
