"""What the REST service needs of both stores: keys that one of many gets, and places in the timeline and the ledger to go on from."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from tests.unit.counts.job import START, Job
from weir.api.idempotency import Answer, Place, once
from weir.errors import AtWork
from weir.ports.requests import Asked
from weir.ports.timeline import Event

MINE = Asked("mine", "digest", 1_800_000_000_000)


def test_a_key_is_changed_only_by_who_has_it(store: Any, job: str) -> None:
    assert store.asked(job, "k") is None
    assert store.set_asked(job, "k", None, MINE) and store.asked(job, "k") == MINE
    assert not store.set_asked(job, "k", None, replace(MINE, claim="another"))
    done = replace(MINE, status=200, answer='{"n": 1}')
    assert not store.set_asked(job, "k", replace(MINE, claim="another"), done)
    assert store.set_asked(job, "k", MINE, done) and store.asked(job, "k") == done
    given_up = replace(done, at=0)
    assert store.set_asked(job, "k", done, given_up) and store.asked(job, "k") == given_up
    assert store.asked("another", "k") is None and store.asked(job, "another") is None


def test_of_many_with_one_key_one_acts(store: Any, job: str) -> None:
    done: list[int] = []

    def ask(n: int) -> Answer | None:
        def do() -> Answer:
            done.append(n)
            return Answer(200, {"n": n})

        try:
            return once(store, Place(job, "k", "digest"), lambda: 1_800_000_000_000, do)
        except AtWork:
            return None

    with ThreadPoolExecutor(8) as pool:
        told = [answer for answer in pool.map(ask, range(8)) if answer]
    assert len(done) == 1 and {answer.body["n"] for answer in told} == set(done)
    assert [answer.again for answer in told].count(False) == 1


def test_the_timeline_goes_on_behind_any_of_its_lines(store: Any, job: str) -> None:
    moments = [1_769_900_000_000, 1_769_904_000_000, 1_769_904_000_000, 1_769_904_000_000, 1_769_990_000_001, 1_700_000_000_000]
    for n, at in enumerate(moments):  # two months, and three lines of one millisecond
        store.add_event(job, Event(at, "note", f"line {n}"))
    whole = list(store.events(job))
    assert len(whole) == len(moments) and [e.at for e in whole] == sorted(moments, reverse=True)
    for n, line in enumerate(whole):
        for limit in (1, 2, 10):
            assert list(store.events(job, limit, (line.at, line.id))) == whole[n + 1 : n + 1 + limit]


def test_the_ledger_goes_on_before_any_of_its_batches(store: Any, job: str) -> None:
    stream = Job(store=store, name=job)
    for n in range(3):
        stream.send(START + n)
        stream.land()
    stream.rebuild()
    stream.send(START)
    stream.land()
    stream.send(START)
    stream.land()
    whole = list(store.ledger(job))
    assert len(whole) >= 3
    for n, head in enumerate(whole):
        assert list(store.ledger(job, (head.by, head.batch_id))) == whole[n + 1 :]
