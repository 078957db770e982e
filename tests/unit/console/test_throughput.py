"""How a job moves: rates, the wait of the oldest line, the time to catch up; and the minutes of its errors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_jobs.protocol.head import Batch, Head, Position, Progress, Totals, claim, first_head, land, started, taken_over
from spark_jobs.protocol.partition import Partition, of_source
from weir.console.fleet import moves
from weir.console.plot import sparkline
from weir.console.throughput import LEAST_MS, OLDEST_MS, OVER_MS, Sample, Throughput, ThroughputMeter, remembered, throughput
from weir.console.trend import EVERY_S, FIRST, MINUTE_MS, Trends
from weir.ports.reports import JobSnapshot
from weir.supervise.judge.report import Report, Verdict
from weir.testing import Clock, MemoryStore

at = partial(of_source, "t")  # offsets by partition

HOUR = 3_600_000


def report(at: int, end: int, landed: int, verdict: Verdict = Verdict.CATCHING_UP, lag: int | None = -1) -> Report:
    evidence = {"end_offsets": {"0": end}, "offsets": {"0": landed}, "lag": end - landed if lag == -1 else lag}
    return Report("job", verdict, 1, 0, "job: it is", evidence=evidence, at=at)


def head(landed: int, appended: int = 0) -> Head:
    progress = Progress(at({0: appended}), at({0: appended}), 0) if appended else Progress()
    return Head("job", 1, 1, "i", 0, first_head("job", {}, 0).state, 1, 0, {}, at({0: landed}), progress=progress)


def test_rates_are_what_came_and_went_since_an_earlier_sighting() -> None:
    meter = ThroughputMeter()
    first = meter.look(report(1_000_000, 1000, 0), JobSnapshot(head=head(0)))
    assert (first.into, first.out, first.catch_up_s, first.grows) == (None, None, None, False), "one sample has no rate"
    second = meter.look(report(1_010_000, 1100, 300), JobSnapshot(head=head(300)))
    assert (second.into, second.out, second.catch_up_s) == (10, 30, 40), "800 lines, 20 fewer each second"
    third = meter.look(report(1_020_000, 1600, 300), JobSnapshot(head=head(300)))
    assert (third.into, third.out, third.catch_up_s, third.grows) == (30, 15, None, True)


def test_the_report_that_was_kept_is_an_earlier_sighting() -> None:
    kept = report(995_000, 500, 500).to_json()
    seen = ThroughputMeter().look(report(1_000_000, 1000, 600), JobSnapshot(head=head(600), report=kept))
    assert (seen.into, seen.out) == (100, 20)


@pytest.mark.parametrize("lag", [None])
def test_what_the_broker_does_not_say_is_not_known(lag: int | None) -> None:
    meter = ThroughputMeter()
    meter.look(report(1_000_000, 1000, 0), JobSnapshot(head=head(0)))
    assert meter.look(report(1_010_000, 1000, 300, lag=lag), JobSnapshot(head=head(300))) == Throughput()


def test_a_topic_that_was_made_anew_begins_again() -> None:
    meter = ThroughputMeter()
    meter.look(report(1_000_000, 1000, 900), JobSnapshot(head=head(900)))
    assert meter.look(report(1_010_000, 10, 0), JobSnapshot(head=head(0))).into is None


def test_a_settled_job_has_nothing_to_catch_up_with() -> None:
    before, now = Sample(0, 100, 90), Sample(10_000, 200, 195)
    assert throughput([before], now, 1.0, report(10_000, 200, 195, Verdict.OK)) == Throughput(10, 10.5, 1.0)
    assert throughput([before], now, 1.0, report(10_000, 200, 195)).catch_up_s == pytest.approx(10)


def test_how_long_a_line_has_waited_is_what_metrics_say() -> None:
    seen = ThroughputMeter().look(report(1_000_000, 10, 5), JobSnapshot(head=head(5, appended=940_000)))
    assert seen.waited_s == 60
    assert moves(seen)["waits"] == "waits 1 min"


def test_a_motion_in_words() -> None:
    assert moves(Throughput(10, 30, None, 130)) == {"into": 10, "out": 30, "waits": "", "soon": "caught up in 2 min 10 s at this rate"}
    assert moves(Throughput(10, 3, 5, None, True))["soon"] == "falling behind: more lines come in than go out"
    assert moves(Throughput()) == {"into": None, "out": None, "waits": "", "soon": ""}


@given(st.lists(st.integers(0, 3 * OLDEST_MS), max_size=20), st.integers(0, 3 * OLDEST_MS))
def test_what_is_remembered_is_old_enough_and_little(moments: list[int], now: int) -> None:
    found = remembered([Sample(at, at, at) for at in moments], Sample(now, now, now))
    ages = [now - s.at for s in found]
    assert ages == sorted(ages, reverse=True) and all(LEAST_MS <= age <= OLDEST_MS for age in ages)
    assert sum(age >= OVER_MS for age in ages) <= 1, "only one sample is older than a rate needs"
    fit = [now - at for at in moments if LEAST_MS <= now - at <= OLDEST_MS]
    assert bool(found) == bool(fit) and (not fit or min(fit) in ages)


# trends


class Ledger:
    """A job that lands a batch with so many errors at a moment."""

    def __init__(self) -> None:
        self.store, self.reads = MemoryStore(), 0
        self.head = started(taken_over(first_head("job", at({0: 0}), 0)), "i")

    def land(self, moment: int, errors: int, **levels: int) -> None:
        batch = Batch(self.head.last_landed + 1, self.head.frontier, at({0: self.head.frontier[Partition("t", 0)] + 1}))
        counted = {"error": errors, **levels}
        self.head = land(claim(self.head, batch, Totals(sum(counted.values()), counted), Progress(), "v", moment * 1000), moment)
        self.store.put_ledger(self.head)

    def look(self, trends: Trends) -> None:
        trends.look(self, {"job": self.head})  # type: ignore[arg-type]

    def ledger(self, job: str) -> Iterator[Head]:
        return self._counted(self.store.ledger(job))

    def ledger_after(self, job: str, position: Position) -> Iterator[Head]:
        return self._counted(self.store.ledger_after(job, position))

    def _counted(self, rows: Iterator[Head]) -> Iterator[Head]:
        for row in rows:
            self.reads += 1
            yield row


def known(values: Sequence[int | None]) -> dict[int, int]:
    return {i: n for i, n in enumerate(values) if n}


def test_errors_are_put_into_the_minute_in_which_they_landed() -> None:
    clock, ledger = Clock(1_800_000_000.0), Ledger()
    now, trends = int(clock() * 1000), Trends(clock)
    for ago, errors in ((2 * HOUR, 100), (30 * MINUTE_MS, 5), (MINUTE_MS, 2), (0, 1)):
        ledger.land(now - ago, errors, info=7, crit=1)
    assert trends.values("job") == ()
    ledger.look(trends)
    values = trends.values("job")
    assert len(values) == 60 and known(values) == {29: 6, 58: 3, 59: 2} and values[0] == 0
    clock.sleep(60)
    ledger.land(now + 60_000, 9)
    ledger.look(trends)
    assert known(trends.values("job")) == {28: 6, 57: 3, 58: 2, 59: 9}


def test_each_batch_is_read_once_and_not_too_often() -> None:
    clock, ledger = Clock(1_800_000_000.0), Ledger()
    trends = Trends(clock)
    for n in range(10):
        ledger.land(int(clock() * 1000) + n, 1)
    ledger.look(trends)
    ledger.land(int(clock() * 1000) + 10, 1)
    ledger.look(trends)
    assert ledger.reads == 10, "it was looked at just now"
    clock.sleep(EVERY_S)
    ledger.look(trends)
    clock.sleep(EVERY_S)
    ledger.look(trends)
    assert ledger.reads == 11 and sum(n or 0 for n in trends.values("job")) == 11


def test_what_was_not_read_is_not_zero() -> None:
    clock, ledger = Clock(1_800_000_000.0), Ledger()
    now, trends = int(clock() * 1000), Trends(clock)
    for n in range(2 * FIRST, 0, -1):
        ledger.land(now - n * 1000, 1)
    ledger.look(trends)
    values = trends.values("job")
    assert ledger.reads == FIRST
    assert values[:54] == [None] * 54 and sum(n or 0 for n in values) == FIRST


def test_a_restored_head_begins_again() -> None:
    clock, ledger = Clock(1_800_000_000.0), Ledger()
    trends = Trends(clock)
    ledger.land(int(clock() * 1000), 1)
    before = ledger.head
    ledger.land(int(clock() * 1000) + 1, 1)
    ledger.look(trends)
    ledger.store, ledger.head = Ledger().store, before
    ledger.store.put_ledger(before)
    clock.sleep(EVERY_S)
    ledger.look(trends)
    assert sum(n or 0 for n in trends.values("job")) == 1


def test_a_sparkline_is_broken_where_nothing_is_known() -> None:
    drawn = sparkline([None, 0, 5, 10, None, 10, None])
    assert drawn["lines"] == ["1,20.0 2,10.0 3,0.0", "5,0.0 5,0.0"]
    assert (drawn["sum"], drawn["most"], drawn["known"], drawn["of"], drawn["width"]) == (25, 10, 4, 7, 6)
    assert sparkline([]) == {} == sparkline([None]) and sparkline([0, 0])["lines"] == ["0,20 1,20"]
