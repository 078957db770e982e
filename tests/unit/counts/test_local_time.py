"""Lines of another zone are told by their distance from their arrival, and lines of an archive are not accused."""

from __future__ import annotations

import pytest

from weir.counts.local_time import Arrival, Shift, by_service, in_words, shift

NOW, HOUR, S = 1_784_000_000_000, 3_600_000, 1000


def live(offset_ms: int, n: int = 20) -> list[Arrival]:
    """Lines of the last seconds, in the wall clock of a zone."""
    return [Arrival(NOW - i * S + offset_ms, NOW) for i in range(n)]


@pytest.mark.parametrize("hours", [9, -8, 1, -12, 14, 5.5, 5.75, -3.5])
def test_live_lines_of_another_zone(hours: float) -> None:
    assert shift(live(int(hours * HOUR))) == Shift(int(4 * hours), 20)


@pytest.mark.parametrize(
    "lines",
    [
        live(0),
        [Arrival(NOW - i * 60 * S, NOW) for i in range(2000)],  # 33 hours of an archive
        [Arrival(NOW - 86_400_000 - i * S, NOW) for i in range(20)],  # yesterday, at this hour
        [Arrival(NOW - 20 * 60 * S, NOW)] * 20,  # a shipper that was away for 20 minutes
        live(9 * HOUR, 4),  # too few
        live(9 * HOUR) + live(0),  # no common distance
        [],
    ],
)
def test_lines_that_are_not_accused(lines: list[Arrival]) -> None:
    assert shift(lines) is None


def test_a_zone_further_from_the_specs_than_any_from_utc() -> None:
    assert shift(live(-17 * HOUR), 36) == Shift(-68, 20) and shift(live(-17 * HOUR)) is None
    assert shift(live(9 * HOUR), 36) is None, "there is no UTC+18"


def test_services_are_judged_one_by_one() -> None:
    lines = [("tokyo", line) for line in live(9 * HOUR)] + [("web", line) for line in live(0)]
    found = by_service(lines)
    assert found == {"tokyo": Shift(36, 20)}
    assert in_words("tokyo", found["tokyo"], 0) == "lines of tokyo are 9 h ahead of their arrival: they look like local time of UTC+9"
    assert "local time of UTC-3:30" in in_words("la", Shift(-18, 20), 4)
