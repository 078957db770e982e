"""What the pages compute: spans, bars, marks, what is new."""

from __future__ import annotations

import pytest

from weir.console.plot import HEIGHT, draw, marks
from weir.counts.signatures import grain, ranked
from weir.counts.times import MOST, Span, at, bare, span_of
from weir.errors import BadInput
from weir.ports.attempts import AttemptRow
from weir.ports.timeline import Event

HOUR, DAY = 3_600_000, 86_400_000
NOW = 1_800_000_000_000


@pytest.mark.parametrize(
    ("since", "until", "found"),
    [
        ("", "", (NOW - DAY, NOW)),
        ("6h", "", (NOW - 6 * HOUR, NOW)),
        ("1h", "1970-01-02T00:00:00Z", (23 * HOUR, DAY)),
        ("1970-01-01", "1970-01-02", (0, DAY)),
        ("1970-01-01T01:00:00Z", "1970-01-01T03:00:00+01:00", (HOUR, 2 * HOUR)),
    ],
)
def test_a_span_is_a_duration_or_two_times(since: str, until: str, found: tuple[int, int]) -> None:
    span = span_of(since, until, NOW)
    assert (span.since, span.until) == found


@pytest.mark.parametrize(("since", "until"), [("soon", ""), ("2h", "soon"), ("1970-01-02", "1970-01-01"), ("0h", ""), ("1Z", "")])
def test_what_is_no_span_is_refused(since: str, until: str) -> None:
    with pytest.raises(BadInput):
        span_of(since, until, NOW)


@pytest.mark.parametrize("pane", [1_000, 10_000, 7_000, HOUR])
@pytest.mark.parametrize("length", [1, HOUR, DAY, 7 * DAY, 3650 * DAY])
def test_windows_are_multiples_of_the_pane_and_few(pane: int, length: int) -> None:
    width = Span(0, length, "").window(pane)
    assert width > 0 and width % pane == 0 and length <= width * MOST


def test_times_are_told_to_the_second() -> None:
    assert (at(0), at(1_999), bare("1970-01-01T00:00:01.999Z"), bare("")) == ("", "1970-01-01T00:00:01Z", "1970-01-01T00:00:01Z", "")


def test_bars_are_as_high_as_what_they_stand_for() -> None:
    drawn = draw([0, 1, 500, 1000])
    assert [bar["height"] for bar in drawn["bars"]] == [2, HEIGHT // 2, HEIGHT], "the least can be seen"
    assert all(bar["y"] + bar["height"] == HEIGHT for bar in drawn["bars"])
    assert (drawn["most"], drawn["sum"], len(draw([])["bars"]), draw([0, 0])["most"]) == (1000, 1501, 0, 0)


def test_marks_stand_where_drivers_were_started() -> None:
    def attempt(number: int, taken_at: int, submission: str = "driver", cause: str = "restart") -> AttemptRow:
        return AttemptRow(number, cause, "ana", taken_at=taken_at, submission_id=submission)

    newest_first = [attempt(4, 200), attempt(3, 150), attempt(2, 125, ""), attempt(1, 50)]
    alerts = [Event(175, "alert", "it is late"), Event(160, "note", "no mark"), Event(200, "alert", "outside")]
    found = marks([*newest_first, attempt(5, 110, cause="deploy")], alerts, 100, 200, 40)
    assert [(mark["x"], mark["kind"], mark["text"].split(": ")[1]) for mark in found] == [
        (4.0, "deploy", "attempt 5, deploy by ana"),
        (20.0, "start", "attempt 3, restart by ana"),
        (30.0, "alert", "it is late"),
    ]


def test_new_is_what_came_after_the_deploy_and_was_not_there_before() -> None:
    old, fresh, gone = ("web", "old"), ("web", "fresh"), ("shop", "old")
    cells = [(0, old, 1), (10, old, 2), (10, fresh, 9), (0, gone, 4)]
    rows = ranked(cells, 10, 10, {old, gone})
    assert [(row["service"], row["signature"], row["n"], row["first"], row["last"], row["new"]) for row in rows] == [
        ("web", "fresh", 9, 10, 20, True),
        ("shop", "old", 4, 0, 10, False),
        ("web", "old", 3, 0, 20, False),
    ]
    assert not any(row["new"] for row in ranked(cells, 10, 10, {gone})), "of a service that is new itself, nothing is"


def test_the_longer_the_span_the_coarser() -> None:
    assert [grain(Span(0, length, ""), 10_000) for length in (HOUR, DAY, 30 * DAY)] == [10_000, HOUR, DAY]
    assert grain(Span(0, 30 * DAY, ""), 7_000) == 7_000
