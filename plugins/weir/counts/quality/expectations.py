"""The expectations of counts, as suites of Great Expectations, which takes seconds to import: so only inside functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from weir.counts.quality.user import need_a_home

FRESH_WITHIN_S = 300.0


CELL = ("pane_start", "service", "level", "signature")


class Laws:
    """Make expectations, each with its description in words."""

    def __init__(self) -> None:
        need_a_home()
        import great_expectations.expectations as gxe

        self._kinds = gxe

    def law(self, kind: str, words: str, **values: Any) -> Any:
        return getattr(self._kinds, kind)(**values, meta={"law": words})

    def between(self, column: str, words: str, least: float | None, most: float | None) -> Any:
        return self.law("ExpectColumnValuesToBeBetween", words, column=column, min_value=least, max_value=most)

    def columns(self, names: str) -> Any:
        return self.law("ExpectTableColumnsToMatchOrderedList", f"the columns are {names}", column_list=names.split(", "))

    def some(self, words: str) -> Any:
        return self.law("ExpectTableRowCountToBeBetween", words, min_value=1)

    def equal(self, a: str, b: str, words: str, **values: Any) -> Any:
        return self.law("ExpectColumnPairValuesToBeEqual", words, column_A=a, column_B=b, **values)

    def cells(self, key: tuple[str, ...]) -> list[Any]:
        """Return the expectations of every count, in whichever table."""
        return [
            *(self.law("ExpectColumnValuesToNotBeNull", f"every count has a {name}", column=name) for name in (*CELL, "n")),
            self.law("ExpectColumnValuesToMatchRegex", "levels are lower case", column="level", regex=r"^[a-z][a-z0-9]*$"),
            self.between("n", "no count is negative", 0, None),
            self.between("off_pane", "panes begin at multiples of the pane", 0, 0),
            self.law("ExpectCompoundColumnsToBeUnique", "no pane, service, level and signature is there twice", column_list=list(key)),
        ]


def suites(fresh_within_s: float = FRESH_WITHIN_S) -> Mapping[str, list[Any]]:
    """Return the suites of `weir validate`, by table; `meta` has each expectation in words."""
    x = Laws()
    late = {"column_A": "lines", "column_B": "late", "or_equal": True}
    return {
        "counts": [x.some("some pane is closed"), x.columns("pane_start, service, level, signature, n, off_pane"), *x.cells(CELL)],
        "ledger": [
            x.some("some batch has landed"),
            x.columns("attempt, batch_id, lines, counted, over, late, least, levels, left_out, in_hours, gap"),
            x.equal("levels", "in_hours", "the hours hold what each batch counted", ignore_row_if="either_value_is_missing"),
            x.equal("lines", "counted", "lines are the sum of levels and rejected"),
            x.between("left_out", "every line of the offsets is in its batch", 0, 0),
            x.between("over", "no batch has more lines than offsets", 0, 0),
            x.between("least", "no total is negative", 0, None),
            x.between("late", "late lines are not negative", 0, None),
            x.law("ExpectColumnPairValuesAToBeGreaterThanB", "late lines are among the lines", **late),
            x.between("gap", "each batch begins where the one before it ended", 0, 0),
        ],
        "hours": [
            x.some("some hour has counts"),
            x.columns("hour, shard, level, counted, ledger"),
            x.equal("counted", "ledger", "folded runs and deltas are what the ledger says"),
        ],
        "rollups": [
            x.columns("of, start, shard, level, rolled, folded"),
            x.equal("rolled", "folded", "roll-ups are the sums of the folds"),
        ],
        "freshness": [
            x.columns("lag, waiting_s"),
            x.between("waiting_s", f"input waits no longer than {fresh_within_s:g} s", 0, fresh_within_s),
        ],
    }


def gate_suites() -> Mapping[str, list[Any]]:
    """Return the suites for runs before their publication, by table."""
    x = Laws()
    return {
        "runs": [
            x.columns("hour, shard, pane_start, service, level, signature, n, off_pane, off_hour"),
            *x.cells(("shard", *CELL)),
            x.between("off_hour", "panes lie in their hour", 0, 0),
        ],
        "places": [
            x.columns("hour, shard, cells, lines, missing"),
            x.between("missing", "a run is not empty where batches have landed", 0, 0),
        ],
        "levels": [
            x.columns("hour, shard, level, folded, ledger"),
            x.equal("folded", "ledger", "a run is what the ledger says, by level"),
        ],
        "kinds": [
            x.columns("hour, shard, service, level, signature, folded, rolled"),
            x.equal("folded", "rolled", "an hour roll-up is the sum of its run"),
        ],
    }
