"""Windows as sums of panes, against brute force; durations and times as people write them."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weir.counts.panes import Windows, compose, filled, windows
from weir.errors import BadInput
from weir.times import duration, iso, parse_duration, parse_time

PANE = 10
PANES = st.dictionaries(st.tuples(st.integers(-30, 30).map(lambda i: i * PANE), st.sampled_from(("web", "api"))), st.integers(1, 9))
SHAPES = st.tuples(st.integers(1, 6), st.integers(1, 6)).filter(lambda s: s[1] <= s[0]).map(lambda s: Windows(s[0] * PANE, s[1] * PANE))
BOUNDS = st.none() | st.integers(-400, 400)


@given(PANES, SHAPES, BOUNDS, BOUNDS)
def test_windows_are_sums_of_their_panes(panes: dict[tuple[int, str], int], shape: Windows, since: int | None, until: int | None) -> None:
    expected: Counter[tuple[int, str]] = Counter()
    for start in range(-600, 600):
        listed = start % shape.slide == 0 and (since is None or start >= since) and (until is None or start < until)
        for (pane, key), n in panes.items():
            if listed and start <= pane < start + shape.width:
                expected[start, key] += n
    assert compose(panes, shape, since, until) == expected


@given(PANES, SHAPES)
def test_tumbling_windows_keep_the_total(panes: dict[tuple[int, str], int], shape: Windows) -> None:
    tumbling = Windows(shape.width, shape.width)
    assert sum(compose(panes, tumbling, None, None).values()) == sum(panes.values())


@given(SHAPES, st.integers(-300, 300), st.integers(-300, 300))
def test_between_lists_every_aligned_start(shape: Windows, since: int, until: int) -> None:
    assert list(shape.between(since, until)) == [t for t in range(since, until) if t % shape.slide == 0]


def test_worked_example_of_sliding_windows() -> None:
    """Lines one pane apart, 1, 2, 4 and 8 of them: every window of 30 s that slides by 10 s is the sum of three neighbours."""
    panes = {(0, "web"): 1, (10, "web"): 2, (20, "web"): 4, (30, "web"): 8}
    assert compose(panes, windows(30, 10, 10), None, None) == {
        (-20, "web"): 1,
        (-10, "web"): 1 + 2,
        (0, "web"): 1 + 2 + 4,
        (10, "web"): 2 + 4 + 8,
        (20, "web"): 4 + 8,
        (30, "web"): 8,
    }


def test_fill_lists_empty_windows() -> None:
    sums = {(10, "web"): 3}
    assert filled(sums, ["web", "api"], Windows(10, 10).between(0, 20)) == {(0, "web"): 0, (10, "web"): 3, (0, "api"): 0, (10, "api"): 0}


def test_fill_is_bounded() -> None:
    with pytest.raises(BadInput, match="more than"):
        filled({}, ["web"], range(0, 10**9))


@pytest.mark.parametrize(("width", "slide"), [(15, 15), (30, 7), (0, 10), (30, 0), (-10, 10)])
def test_windows_are_multiples_of_the_pane(width: int, slide: int) -> None:
    with pytest.raises(BadInput, match="multiple of the pane, 10ms"):
        windows(width, slide, 10)


def test_windows_leave_no_gaps() -> None:
    with pytest.raises(BadInput, match="longer than the window"):
        windows(10, 20, 10)


@pytest.mark.parametrize(
    ("text", "ms"), [("10s", 10_000), ("1m", 60_000), ("2h", 7_200_000), ("1d", 86_400_000), ("500ms", 500), (" 5s ", 5_000)]
)
def test_durations(text: str, ms: int) -> None:
    assert parse_duration(text) == ms


@pytest.mark.parametrize("text", ["", "10", "s", "1.5s", "-10s", "10 s", "1w", "9999999999s", "\u0661s"])
def test_bad_durations_name_the_rule(text: str) -> None:
    with pytest.raises(BadInput, match=r"WEIR-101: window: .* Write a whole number and a unit"):
        parse_duration(text, "window")


def test_durations_are_written_shortly() -> None:
    assert [duration(ms) for ms in (10_000, 90_000, 3_600_000, 86_400_000, 15, 0)] == ["10s", "90s", "1h", "1d", "15ms", "0s"]


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("2005-12-04T00:00:00Z", "2005-12-04T00:00:00Z"),
        ("2005-12-04", "2005-12-04T00:00:00Z"),
        ("2005-12-04T00:00:00", "2005-12-04T00:00:00Z"),
        ("2005-12-04T01:30:00+01:30", "2005-12-04T00:00:00Z"),
        ("1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59.500Z"),
        ("0001-01-01", "0001-01-01T00:00:00Z"),
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"),
    ],
)
def test_times(text: str, same: str) -> None:
    assert iso(parse_time(text)) == same


@given(st.datetimes())
def test_times_round_trip(moment: object) -> None:
    ms = parse_time(str(moment))
    assert parse_time(iso(ms)) == ms


@pytest.mark.parametrize("text", ["", "yesterday", "2005-13-01", "12:00", "1133654400"])
def test_bad_times_name_the_rule(text: str) -> None:
    with pytest.raises(BadInput, match=r"since: .* ISO 8601"):
        parse_time(text, "since")


def test_times_out_of_the_calendar_are_still_shown() -> None:
    assert iso(10**18) == f"{10**18} ms"
