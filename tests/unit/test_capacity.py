"""What docs/capacity.md says is what its program computes, and the program behaves as its page says."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from bench.capacity import POINTS, RATES, main, markdown
from bench.capacity_model import Load, head_bytes, need, steady
from tests.conftest import PROJECT

M = {point.name: point.value for point in POINTS}
LOAD = Load(1_000_000)


def test_the_page_has_what_the_program_computes() -> None:
    page = (PROJECT / "docs" / "capacity.md").read_text()
    shown = page.partition("<!-- python bench/capacity.py --markdown -->\n")[2].partition("\n<!-- end -->")[0]
    assert shown == markdown(Load(RATES[0]), RATES, M), "put the output of python bench/capacity.py --markdown there"


def test_every_point_says_where_it_comes_from() -> None:
    assert all(point.value > 0 and point.source for point in POINTS)
    assert {point.name for point in POINTS if not point.measured} >= {"node_bytes", "broker_bytes"}


def test_a_batch_has_one_row_for_each_cell() -> None:
    few = replace(LOAD, services=1, signatures=3, levels=2, trigger_s=10)
    batch = steady(few, 16, {**M, "line_cpu_s": 0.0})
    assert batch.rows == pytest.approx(2 * (3 + 2)), "ten seconds are of two panes of ten"


def test_lines_need_cores_and_no_more_rows() -> None:
    one, ten = need(LOAD, M), need(replace(LOAD, lines_per_s=10_000_000), M)
    assert ten.cores - 2 == 10 * (one.cores - 2) and ten.partitions == 8 * one.partitions, "two are the driver's; four partitions at least"
    assert ten.rows_per_s == pytest.approx(one.rows_per_s, rel=0.01)


def test_a_batch_is_longer_than_its_work() -> None:
    batch = steady(replace(LOAD, services=1_000), 16, M)
    assert batch.seconds > LOAD.trigger_s and batch.seconds == pytest.approx(
        2 * (M["batch_s"] + batch.collected * M["merge_s"] + batch.rows * (M["sum_s"] + 1 / M["writer_rows_per_s"])), rel=0.01
    )


def test_signatures_beyond_the_cap_are_collected_and_not_written() -> None:
    storm = steady(replace(LOAD, services=20, signatures=2_000), 16, M)
    assert storm.collected > 5 * storm.rows


def test_what_one_driver_cannot_keep_up_with_is_split() -> None:
    wide = replace(LOAD, services=5_000)
    found = need(wide, M)
    assert found.jobs > 1 and found.batch.seconds <= wide.longest_batch_s
    assert steady(wide, 16, M).seconds == math.inf
    assert need(replace(wide, jobs=found.jobs), M) == replace(found, load=replace(wide, jobs=found.jobs))
    with pytest.raises(ValueError, match="cannot keep up"):
        need(replace(wide, services=5_000_000, lines_per_s=1e9), M)


def test_a_head_grows_with_its_partitions() -> None:
    assert 50 < (head_bytes(116) - head_bytes(16)) / 100 < 200


def test_points_and_loads_are_replaced_on_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--lines-per-s", "1e6", "--set", "line_cpu_s=67e-6"]) == 0
    slow = capsys.readouterr().out
    assert main(["--lines-per-s", "1e6"]) == 0
    assert slow != capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["--set", "nothing=1"])
