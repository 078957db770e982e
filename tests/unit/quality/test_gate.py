"""The gate: each expectation is violated once on purpose, by one run among good ones; only that one is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from spark_jobs.counts.cells import HOUR_MS
from tests.unit.counts.job import JOB, RULES, START
from weir.counts.fold import Candidate, by_kind
from weir.counts.quality.gate import gate
from weir.ports.counts import Cell, Published


def candidate(n: int = 0) -> Candidate:
    hour = START + n * HOUR_MS
    cells = {(hour, "web", "error", "it broke"): 2, (hour + 10_000, "web", "info", ""): 3}
    return with_cells(Candidate(JOB, (hour, 0), None, Published("r", (1, 0), 1, 1), {}, {}, {"error": 2, "info": 3}), cells)


def with_cells(one: Candidate, cells: Mapping[Cell, int]) -> Candidate:
    return replace(one, cells=cells, kinds=by_kind(cells))


def _renamed(one: Candidate, change: Callable[[tuple[Any, ...]], tuple[Any, ...]]) -> Candidate:
    return with_cells(one, {change(cell) if i == 0 else cell: n for i, (cell, n) in enumerate(one.cells.items())})  # type: ignore[misc]


DEFECTS: dict[str, Callable[[Candidate], Candidate]] = {
    "levels are lower case": lambda c: _renamed(c, lambda cell: (*cell[:2], "ERROR", cell[3])),
    "every count has a service": lambda c: _renamed(c, lambda cell: (cell[0], "", *cell[2:])),
    "every count has a signature": lambda c: _renamed(c, lambda cell: (*cell[:3], None)),
    "panes begin at multiples of the pane": lambda c: _renamed(c, lambda cell: (cell[0] + 1, *cell[1:])),
    "panes lie in their hour": lambda c: _renamed(c, lambda cell: (cell[0] + HOUR_MS, *cell[1:])),
    "no count is negative": lambda c: with_cells(c, {cell: -n for cell, n in c.cells.items()}),
    "a run is what the ledger says, by level": lambda c: replace(c, ledger={"error": 5}),
    "an hour roll-up is the sum of its run": lambda c: replace(c, kinds={("web", "error", "it broke"): 5}),
    "a run is not empty where batches have landed": lambda c: with_cells(c, {}),
}


@pytest.mark.parametrize("law", DEFECTS)
def test_only_the_run_that_breaks_a_law_is_refused_with_the_law_in_words(law: str) -> None:
    good, bad = candidate(0), DEFECTS[law](candidate(1))
    refused = gate(RULES)([good, bad])
    assert set(refused) == {bad.at}
    assert law in refused[bad.at]


def test_good_runs_pass_an_empty_one_of_an_hour_where_nothing_landed_too() -> None:
    empty = replace(with_cells(candidate(3), {}), ledger={})
    assert gate(RULES)([candidate(n) for n in range(3)] + [empty]) == {}
    assert gate(RULES)([empty]) == {}
    assert gate(RULES)([]) == {}
