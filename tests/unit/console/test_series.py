"""What plots show: errors by service, and the worst lag, batch time and watermark of each window."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from spark_jobs.protocol.head import Batch, Head, Progress, Totals, claim, first_head, land, started, taken_over
from spark_jobs.protocol.partition import of_source
from weir.console.plot import HEIGHT, line
from weir.console.plots import drawing, rates
from weir.console.series import OTHERS, SERVICES, Axis, ranked, took_s, worst
from weir.counts.times import Span

at = partial(of_source, "t")  # offsets by partition

MINUTE = 60_000
T = 1_800_000_000_000


def landed(head: Head, at: int, took: int = 500, appended: int = 0, watermark: int | None = None, partition: int = 0) -> Head:
    """One more batch of one partition."""
    end = {**head.frontier, partition: head.frontier.get(partition, 0) + 1}
    times = {**head.progress.append_times, **({partition: appended} if appended else {})}
    batch = Batch(head.last_landed + 1, head.frontier, end)
    return land(claim(head, batch, Totals(), Progress({}, times, watermark), "v", (at - took) * 1000), at)


BEGIN = started(taken_over(first_head("web", at({0: 0, 1: 0}), 0)), "i")
AXIS = Axis(T, MINUTE, 3)


def test_an_axis_has_whole_windows() -> None:
    axis = Axis.of(Span(T + 5, T + 3 * 3_600_000, ""), 10_000)
    assert axis.since <= T + 5 < axis.since + axis.width and axis.until - axis.width < T + 3 * 3_600_000 <= axis.until
    assert [AXIS.index(at) for at in (T - 1, T, T + MINUTE - 1, T + MINUTE, AXIS.until - 1, AXIS.until)] == [None, 0, 0, 1, 2, None]
    assert list(AXIS.starts()) == [T, T + MINUTE, T + 2 * MINUTE]


def test_each_window_shows_the_worst_of_its_batches_and_none_is_no_zero() -> None:
    first = landed(BEGIN, T, took=500, appended=T - 1000, watermark=T - 60_000)
    second = landed(first, T + 3000, took=2000, appended=T - 4000, watermark=T - 50_000)
    third = landed(second, T + 2 * MINUTE, took=100, appended=T + 2 * MINUTE - 700, watermark=T + 2 * MINUTE - 90_000)
    found = worst([first, second, third], AXIS)
    assert found.lag == [pytest.approx(7.0), None, pytest.approx(0.7)]
    assert found.batch_time == [pytest.approx(2.0), None, pytest.approx(0.1)]
    assert found.watermark == [pytest.approx(60.0), None, pytest.approx(90.0)]
    assert (found.read, found.every) == (3, 1)


def test_the_time_of_a_batch_begins_with_its_reading() -> None:
    batch = landed(BEGIN, T, took=500)
    assert took_s(batch) == pytest.approx(0.5), "an older batch has no more than its claim"
    assert took_s(replace(batch, began_at=T - 1500)) == pytest.approx(1.5)


def test_lag_is_of_the_partitions_of_the_batch_and_the_slowest_of_them() -> None:
    other = landed(BEGIN, T, appended=T - 500_000, partition=1)
    here = landed(other, T + 1, appended=T - 1000, partition=0)
    assert worst([here], AXIS).lag[0] == pytest.approx(1.001), "what partition 1 had long ago is no lag of this batch"
    assert worst([landed(BEGIN, T)], AXIS).lag[0] is None, "nobody knows when it came"
    assert worst([landed(BEGIN, T)], AXIS).watermark[0] is None


def test_what_is_outside_or_a_gap_is_not_shown_and_what_was_left_out_is_told() -> None:
    batches = [BEGIN]
    for n in range(12):
        batches.append(landed(batches[-1], T + n * 1000))
    found = worst([BEGIN, *batches[1::4]], AXIS)
    assert (found.read, found.every) == (3, 4)
    assert worst([landed(BEGIN, T - 1), landed(BEGIN, AXIS.until)], AXIS).read == 0


def test_many_services_are_a_few_lines() -> None:
    services = {f"s{n}": [n, 0] for n in range(SERVICES + 3)}
    found = ranked(services)
    assert list(found) == ["s7", "s6", "s5", "s4", "s3", OTHERS] and found[OTHERS] == [0 + 1 + 2, 0]
    assert ranked({"b": [1], "a": [1]}) == {"a": [1], "b": [1]} and ranked({}) == {}


def test_rates_are_errors_a_minute_on_one_scale() -> None:
    drawn = rates({"web": [10, 0], "shop": [0, 5]}, Axis(T, 5 * MINUTE, 2))
    assert drawn["most"] == 2
    assert [(s["name"], s["sum"], s["most"], s["lines"]) for s in drawn["services"]] == [
        ("web", 10, 2, ["5,0.0 15,100.0"]),
        ("shop", 5, 1, ["5,100.0 15,50.0"]),
    ]


def test_a_line_is_broken_where_nothing_is_known() -> None:
    assert line([1.0, None, 2.0, 4.0], 4.0) == ["5,75.0 5,75.0", "25,50.0 35,0.0"]
    assert line([0.0], 0.0) == [f"5,{HEIGHT} 5,{HEIGHT}"] and line([None], 0.0) == []
    assert drawing([None, 3.0, 1.0]) == {"lines": ["15,0.0 25,66.7"], "most": 3.0, "last": 1.0}
    assert drawing([None]) == {"lines": [], "most": None, "last": None}
