"""Heads as they are kept: what one version writes, another reads."""

from __future__ import annotations

import json

import pytest

from spark_jobs.protocol import codec
from spark_jobs.protocol.head import Batch, Progress, Totals, claim, first_head, land, started, taken_over


def test_a_head_comes_back_as_it_was() -> None:
    head = started(taken_over(first_head("counts", {0: 0}, "topic", 1)), "i1")
    claimed = claim(head, Batch(0, {0: 0}, {0: 10}), Totals(10, {"error": 10}), Progress({0: 5}, {0: 6}, 4), "v1", 9, 7)
    for each in (head, claimed, land(claimed, 8)):
        assert codec.load(codec.dump(each)) == each


def test_a_head_of_a_later_or_an_earlier_version_can_be_read() -> None:
    head = first_head("counts", {0: 0}, "topic", 1)
    later = {**json.loads(codec.dump(head)), "mood": "calm"}
    earlier = {name: value for name, value in later.items() if name not in ("mood", "began_at")}
    assert codec.load(json.dumps(later)) == codec.load(json.dumps(earlier)) == head


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"job": "counts"}'])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        codec.load(text)
