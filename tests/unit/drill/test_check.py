"""The drill's judgement: it sees what is missing and what is too much, and names the first pane."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from drill.check import Comparison, compare, faults_of
from drill.generator import Generator, Truth
from drill.load import tell, told

WEB = (1_769_904_000_000, "web", "error", "File does not exist: *")
SHOP = (1_769_904_010_000, "shop", "notice", "")


def truth(**rejected: int) -> Truth:
    return Truth(10_000, Counter({WEB: 3, SHOP: 2}), Counter(rejected))


def test_what_is_equal_is_exact() -> None:
    found = compare(truth(empty=1), {WEB: 3, SHOP: 2}, {"empty": 1})
    assert (found.exact, found.lines, found.rejected, found.first) == (True, 6, 1, "")


def test_what_is_too_much_or_too_little_is_counted_and_named() -> None:
    found = compare(truth(), {WEB: 4, SHOP: 1}, {})
    assert (found.exact, found.duplicates, found.losses) == (False, 1, 1)
    assert found.first == "2026-02-01T00:00:00Z web error File does not exist: *: 4 stored, 3 sent"


def test_a_pane_that_nobody_sent_is_a_duplicate_and_one_that_is_missing_a_loss() -> None:
    other = (*WEB[:3], "another")
    assert (found := compare(truth(), {other: 2, SHOP: 2}, {})).duplicates == 2
    assert found.losses == 3


def test_rejected_lines_are_compared_by_reason() -> None:
    found = compare(truth(empty=1, future=2), {WEB: 3, SHOP: 2}, {"empty": 3})
    assert (found.duplicates, found.losses) == (2, 2)


def test_a_row_fails_for_each_thing_that_is_wrong() -> None:
    exact, short = Comparison(6, 0, 0, 0), Comparison(6, 0, 2, 0, "a pane")
    assert faults_of(exact, 0, 0, []) == []
    assert faults_of(short, 2, 2, []) == []
    assert len(faults_of(short, 0, 0, [])) == 1
    assert len(faults_of(short, 2, 3, [])) == 1
    assert len(faults_of(exact, 2, 2, [])) == 1
    assert len(faults_of(Comparison(6, 1, 2, 0, "a pane"), 2, 2, [])) == 1
    assert faults_of(exact, 0, 0, ["poisoned"]) == ["false alarm: poisoned"]


def test_a_truth_file_holds_all_that_was_told(tmp_path: Path) -> None:
    generator = Generator(1, WEB[0])
    with (tmp_path / "truth").open("a") as file:
        for _ in range(3):
            generator.truth = Truth(10_000)
            next(generator.blocks())
            tell(file, generator.truth)
    again, whole = told(tmp_path / "truth"), Generator(1, WEB[0])
    for _ in range(3):
        next(whole.blocks())
    assert (again.panes, again.rejected) == (whole.truth.panes, whole.truth.rejected)
