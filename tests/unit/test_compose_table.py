"""The table of `make test-compose`: a step that fails is in it, wherever it failed."""

from __future__ import annotations

import pytest

from tests.compose.table import Table


def test_a_step_that_fails_between_two_rows_gets_a_row() -> None:
    table = Table()
    with table.row("up"):
        pass
    table.fail("kills", "no batch landed")
    assert [(row.step, row.failed) for row in table.rows] == [("up", False), ("kills", True)]
    assert table.failed


def test_a_step_that_fails_in_a_row_is_there_once() -> None:
    table = Table()
    with pytest.raises(ValueError, match="counts differ"), table.row("after the kills"):
        raise ValueError("counts differ")
    table.fail("kills", "counts differ")
    assert [row.verdict for row in table.rows] == ["FAILED: counts differ"]


def test_a_row_that_may_fail_lets_the_step_go_on() -> None:
    table = Table()
    with table.row("killed: mail", goes_on=True):
        raise ValueError("not healthy")
    with table.row("killed: kafka", goes_on=True):
        pass
    assert [row.failed for row in table.rows] == [True, False]
    assert table.failed
