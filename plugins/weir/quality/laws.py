"""The laws that counts obey, as suites of Great Expectations. It takes seconds to import: only inside functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

FRESH_WITHIN_S = 300.0


def suites(fresh_within_s: float = FRESH_WITHIN_S) -> Mapping[str, list[Any]]:
    """Expectations by table; `meta` holds each law in words."""
    import great_expectations.expectations as gxe

    def law(kind: str, words: str, **values: Any) -> Any:
        return getattr(gxe, kind)(**values, meta={"law": words})

    def between(column: str, words: str, least: float | None, most: float | None) -> Any:
        return law("ExpectColumnValuesToBeBetween", words, column=column, min_value=least, max_value=most)

    def columns(names: str) -> Any:
        return law("ExpectTableColumnsToMatchOrderedList", f"the columns are {names}", column_list=names.split(", "))

    def some(words: str) -> Any:
        return law("ExpectTableRowCountToBeBetween", words, min_value=1)

    def equal(a: str, b: str, words: str, **values: Any) -> Any:
        return law("ExpectColumnPairValuesToBeEqual", words, column_A=a, column_B=b, **values)

    or_equal = {"or_equal": True}
    cell = ("pane_start", "service", "level", "signature")
    return {
        "counts": [
            some("some pane is closed"),
            columns("pane_start, service, level, signature, n, off_pane"),
            *(law("ExpectColumnValuesToNotBeNull", f"every count has a {name}", column=name) for name in (*cell, "n")),
            law("ExpectColumnValuesToMatchRegex", "levels are lower case", column="level", regex=r"^[a-z][a-z0-9]*$"),
            between("n", "no count is negative", 0, None),
            between("off_pane", "panes begin at multiples of the pane", 0, 0),
            law("ExpectCompoundColumnsToBeUnique", "no pane, service, level and signature is there twice", column_list=list(cell)),
        ],
        "ledger": [
            some("some batch has landed"),
            columns("attempt, batch_id, lines, counted, skipped, late, least, levels, in_hours, gap"),
            equal("levels", "in_hours", "the hours hold what each batch counted", ignore_row_if="either_value_is_missing"),
            equal("lines", "counted", "lines are the sum of levels and rejected"),
            between("skipped", "lines are as many as offsets", 0, 0),
            between("least", "no total is negative", 0, None),
            between("late", "late lines are not negative", 0, None),
            law("ExpectColumnPairValuesAToBeGreaterThanB", "late lines are among the lines", column_A="lines", column_B="late", **or_equal),
            between("gap", "each batch begins where the one before it ended", 0, 0),
        ],
        "hours": [
            some("some hour has counts"),
            columns("hour, shard, level, counted, ledger"),
            equal("counted", "ledger", "folded runs and deltas are what the ledger says"),
        ],
        "freshness": [
            columns("lag, waiting_s"),
            between("waiting_s", f"input waits no longer than {fresh_within_s:g} s", 0, fresh_within_s),
        ],
    }  # fmt: skip
