"""The programs of bench/: their harness, the page of figures, and that all of them can be started."""

from __future__ import annotations

import importlib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from bench import page
from bench.__main__ import ALL, PEERS
from bench.goals import GOALS
from bench.harness import Report, abba
from bench.lines import digest, windows

BENCH = Path(__file__).resolve().parents[2] / "bench"


def test_programs_take_turns_so_that_none_always_comes_first() -> None:
    order: list[str] = []
    found = abba({name: lambda name=name: order.append(name) or len(order) for name in "ABC"}, 3)  # type: ignore[misc]
    assert "".join(order) == "ABCCBAABC"
    assert found == {"A": [1, 6, 7], "B": [2, 5, 8], "C": [3, 4, 9]}


def test_a_ratio_is_formed_within_each_round() -> None:
    report = Report("x")
    report.add("a", "s", 1, 30, 5)
    report.add("b", "s", 2, 10, 5)
    report.compare("a", "b")
    assert report.ratios == {"a / b": [0.5, 3.0, 1.0]}
    assert report.middle("a / b") == 1.0


def test_nested_figures_are_listed_by_their_paths() -> None:
    report = Report("x")
    report.take({"weir": {"landed": {"p50": 9.5}}, "exact": True, "name": "n"})
    assert report.figures == {"weir, landed, p50": {"unit": "", "samples": [9.5]}}


def test_a_wrong_count_fails_the_program(tmp_path: Path) -> None:
    report = Report("x", wrong=["3 windows differ"])
    assert report.end(tmp_path / "x.json") == 1


def test_a_pane_is_in_three_windows() -> None:
    found = windows([((20_000, "web", "error", "a"), 2), ((20_000, "web", "error", "b"), 3), ((30_000, "web", "error", "a"), 1)])
    assert found == Counter({(0, "web", "error"): 5, (10_000, "web", "error"): 6, (20_000, "web", "error"): 6, (30_000, "web", "error"): 1})
    assert digest(found) == digest(Counter(dict(reversed(list(found.items())))))


def report(**figures: float) -> dict[str, Any]:
    machine = {"cores": 2, "memory_gib": 24, "processor": "x"}
    found = {name: {"unit": "s", "samples": [value]} for name, value in figures.items()}
    return {"program": "x", "began": "today", "load_before": 0.1, "machine": machine, "figures": found, "ratios": {}, "wrong": []}


@pytest.mark.parametrize(("value", "verdict"), [(5.9, "reached"), (6.1, "not reached")])
def test_a_goal_is_reached_by_the_median(value: float, verdict: str) -> None:
    goal = next(goal for goal in GOALS if goal.program == "start" and goal.bound == 6)
    shown = page.row(goal, {"start": report(**{goal.figure: value})})
    assert shown.endswith(f"| {verdict} |")


def test_a_goal_that_was_not_measured_is_unknown() -> None:
    assert all("| not measured |" in page.row(goal, {}) for goal in GOALS)


def test_growth_is_drawn_with_all_its_sizes() -> None:
    pictures = page.plots({"growth": report(**{"services 5": 2.0, "services 50": 2.5, "services 500": 4.0})})
    assert pictures["growth.svg"].count("<polyline") == 1
    assert ">services</text>" in pictures["growth.svg"]


def test_every_goal_belongs_to_a_program_that_make_bench_runs() -> None:
    assert {goal.program for goal in GOALS} <= ALL.keys() | PEERS.keys()
    programs = {full[0] for full, _ in [*ALL.values(), *PEERS.values()]}
    assert all((BENCH / f"{name}.py").is_file() for name in programs)


@pytest.mark.parametrize("name", sorted(file.stem for file in BENCH.glob("*.py") if file.stem != "bare"))
def test_a_program_can_be_started(name: str) -> None:
    assert importlib.import_module(f"bench.{name}").__doc__
