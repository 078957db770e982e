"""Panels are loaded side by side, and none waits for another."""

from __future__ import annotations

from threading import Event

from weir.console.panels import LATE, Panel, Panels
from weir.errors import NotRunning


def away() -> None:
    raise NotRunning("Kafka is away.", "See: weir status")


def test_each_panel_has_what_it_says_or_why_not() -> None:
    found = Panels().load("job", {"good": lambda: 1, "away": away, "broken": lambda: {}["x"]})
    assert found["good"] == Panel(1)
    assert found["away"] == Panel(trouble="WEIR-201: Kafka is away. See: weir status")
    assert found["broken"] == Panel(trouble="This panel could not be loaded: KeyError('x')")


def test_a_panel_that_hangs_is_told_and_asked_no_more_until_it_has_come_back() -> None:
    asked, go = [], Event()

    def hangs() -> int:
        asked.append(1)
        go.wait(60)
        return 2

    panels = Panels(patient_s=1)
    for _ in range(2):
        assert panels.load("job", {"slow": hangs, "good": lambda: 1}) == {"slow": LATE, "good": Panel(1)}
    assert len(asked) == 1
    go.set()
