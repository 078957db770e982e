"""Judging windows: each kind of rule by hand, and thresholds against a count that is made the simplest way."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from spark_jobs.counts.cells import DAY_MS, OTHER
from weir.alerts.judge import WEEK_MS, judge, rule_counts
from weir.alerts.ledger import decided, evaluations
from weir.alerts.rules import Rule
from weir.ports.counts import Cell

T = 20_000 * DAY_MS
PANE = 10_000
M = 60_000
Cells = list[tuple[Cell, int]]


def rule(**fields: Any) -> Any:
    return TypeAdapter(Rule).validate_python({"name": "r", "window": "1m", **fields})


def at(moment: int, n: int, service: str = "web", level: str = "error", signature: str = "it broke") -> tuple[Cell, int]:
    return (moment, service, level, signature if level == "error" else ""), n


def fired(a_rule: Any, starts: list[int], cells: Cells, history: list[Cell] | None = None) -> list[set[tuple[str, ...]]]:
    return [set(o.firing) for o in judge(a_rule, starts, rule_counts(a_rule, cells, history or []))]


def test_a_count_is_over_when_it_is_more() -> None:
    cells = [at(T, 6), at(T + PANE, 4), at(T + M, 11), at(T + M, 99, level="info")]
    outcomes = judge(rule(kind="threshold", above=10), [T, T + M, T + 2 * M], rule_counts(rule(kind="threshold", above=10), cells))
    assert [(o.start, o.end, o.value, set(o.firing)) for o in outcomes] == [
        (T, T + M, 10, set()),
        (T + M, T + 2 * M, 11, {()}),
        (T + 2 * M, T + 3 * M, 0, set()),
    ]
    assert outcomes[1].firing[()].sentence == "11 error lines in 1m, more than 10"
    assert outcomes[2].empty and not outcomes[1].empty


def test_each_service_is_judged_by_itself_and_one_can_be_named() -> None:
    cells = [at(T, 20), at(T, 5, "api"), at(T, 30, "db")]
    assert fired(rule(kind="threshold", above=10, by="service"), [T], cells) == [{("web",), ("db",)}]
    assert fired(rule(kind="threshold", above=10, service="api"), [T], cells) == [set()]


def test_a_share_is_of_the_lines_of_its_service_and_needs_enough_of_them() -> None:
    cells = [at(T, 3), at(T, 7, level="info"), at(T, 5, "api"), at(T, 95, "api", "info"), at(T, 1, "db")]
    share = rule(kind="threshold", measure="rate", above=0.2, by="service", at_least=5)
    (outcome,) = judge(share, [T], rule_counts(share, cells))
    assert {key: b.value for key, b in outcome.firing.items()} == {("web",): 0.3}
    assert outcome.firing["web",].sentence == "web: 3 error lines in 1m, 30.0% of 10 lines, more than 20.0%"


def test_some_rules_want_it_several_times_in_a_row() -> None:
    cells = [at(T + i * M, n) for i, n in enumerate([11, 11, 5, 11, 11, 11])]
    starts = [T + i * M for i in range(6)]
    assert [bool(f) for f in fired(rule(kind="threshold", above=10, windows=3), starts, cells)] == [False] * 5 + [True]


def test_a_signature_is_new_once() -> None:
    new = rule(kind="new_signature", lookback="1d", at_least=2)
    history: list[Cell] = [(T - DAY_MS, "web", "error", "old"), (T - 2 * DAY_MS, "web", "error", "older")]
    cells = [at(T, 5, signature=s) for s in ("old", "older", "new", OTHER)] + [at(T, 1, signature="rare"), at(T + M, 5, signature="new")]
    assert fired(new, [T, T + M], cells, history) == [{("web", "older"), ("web", "new")}, set()]
    fresh = [at(T, 5, service="shop", signature="new")]
    assert fired(new, [T], fresh, history) == [set()], "of a service that is new itself, no kind is"
    assert fired(new, [T], cells, []) == [set()], "where nothing was before, nothing is new"


def test_a_signature_is_not_new_because_the_rules_that_made_it_are() -> None:
    new = rule(kind="new_signature", lookback="1d", at_least=2)
    before = ("user bob not found: *", "Received block blk_-* src: *:* is * KB", "* () at Fri Jun *:*", "gone")
    history: list[Cell] = [(T - DAY_MS, "web", "error", signature) for signature in before]
    now = ("user * not found: *", "Received block * src: * is *", "* at *", "user * locked")
    assert fired(new, [T], [at(T, 5, signature=s) for s in now], history) == [{("web", "user * locked")}]


def test_usual_is_the_median_of_the_same_window_in_the_weeks_before() -> None:
    ratio = rule(kind="ratio", above=3, weeks=4, at_least=10)
    weeks = [at(T - i * WEEK_MS, n) for i, n in ((1, 10), (2, 12), (3, 900), (4, 11))]
    assert fired(ratio, [T], [at(T, 35), *weeks]) == [{()}]
    assert fired(ratio, [T], [at(T, 34), *weeks]) == [set()]
    assert fired(ratio, [T], [at(T, 35), weeks[0]]) == [set()], "one week of four is no measure"
    quiet = [at(T - i * WEEK_MS, 7, level="info") for i in range(1, 5)]
    assert fired(ratio, [T], [at(T, 10), *quiet]) == [{()}]
    assert fired(ratio, [T], [at(T, 9), *quiet]) == [set()]


def test_silence_is_a_window_without_lines_of_any_level() -> None:
    silence = rule(kind="absence", below=2)
    assert fired(silence, [T, T + M], [at(T, 2, level="info"), at(T + M, 1)]) == [set(), {()}]
    assert fired(rule(kind="absence", service="web"), [T], [at(T, 9, "api")]) == [{()}]


panes = st.lists(st.tuples(st.integers(0, 35), st.sampled_from(["web", "api"]), st.sampled_from(["error", "info"]), st.integers(1, 9)))


@given(panes, st.integers(0, 20), st.sampled_from([1, 2, 6]), st.integers(1, 3))
def test_thresholds_agree_with_the_simplest_count(lines: Any, above: int, width: int, windows: int) -> None:
    cells = [at(T + p * PANE, n, service, level) for p, service, level, n in lines]
    a_rule = rule(kind="threshold", above=above, by="service", window=10 * width, windows=windows)
    starts = list(range(T, T + 36 * PANE, width * PANE))
    sums: Counter[tuple[int, str]] = Counter()
    for p, service, level, n in lines:
        sums[p // width, service] += n * (level == "error")
    expected = [{(s,) for s in ("web", "api") if all(sums[i - back, s] > above for back in range(windows))} for i in range(len(starts))]
    assert fired(a_rule, starts, cells) == expected


@given(panes, st.integers(1, 35))
def test_the_ledger_has_each_window_once_and_only_empty_ones_share_a_row(lines: Any, last: int) -> None:
    a_rule = rule(kind="threshold", above=3, window="10s")
    starts = list(range(T, T + last * PANE, PANE))
    outcomes = judge(a_rule, starts, rule_counts(a_rule, [at(T + p * PANE, n, s, level) for p, s, level, n in lines]))
    rows = evaluations("r", outcomes, T + DAY_MS, M)
    assert [row.start for row in rows[1:]] == [row.end for row in rows[:-1]] and rows[0].start == T and rows[-1].end == starts[-1] + PANE
    for outcome in outcomes:
        row = decided(rows, outcome.start)
        assert row is not None and (row.value, row.keys) == (outcome.value, frozenset(outcome.firing))
        assert row.end - row.start == PANE or outcome.empty


@pytest.mark.parametrize(("after", "late"), [(M + 300_000, False), (M + 300_001, True)])
def test_what_is_evaluated_long_after_its_end_is_late(after: int, late: bool) -> None:
    a_rule = rule(kind="threshold", above=3)
    (row,) = evaluations("r", judge(a_rule, [T], rule_counts(a_rule, [at(T, 4)])), T + M + after, M)
    assert row.late is late
