"""What the fence of a sink lets an attempt do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from spark_jobs.protocol.head import State, first_head
from spark_jobs.protocol.landing import Held, SinkAhead, SinkBehind
from spark_jobs.protocol.writer import Superseded
from spark_jobs.sinks.fences import may_write, raised

HEAD = replace(first_head("cards", {}, 1), epoch=2, attempt=5, batch_id=7, state=State.CLAIMED)


def test_the_first_attempt_at_a_target_finds_nothing_held() -> None:
    assert raised(None, HEAD) == Held(2, 5, -1)


@pytest.mark.parametrize("held", [Held(2, 4, 6), Held(2, 5, 7), Held(1, 3, 9), Held(3, 5, 0)])
def test_raising_keeps_what_is_held(held: Held) -> None:
    assert raised(held, HEAD) == replace(held, attempt=5)


def test_an_older_attempt_is_superseded() -> None:
    with pytest.raises(Superseded, match="attempt 5 of cards was superseded: the sink's fence is at attempt 6"):
        raised(Held(2, 6, 6), HEAD)
    with pytest.raises(Superseded):
        may_write(Held(2, 6, 7), HEAD)


def test_the_batch_that_is_due_is_written_and_one_that_is_held_is_not() -> None:
    assert may_write(Held(2, 5, 6), HEAD)
    assert not may_write(Held(2, 5, 7), HEAD)
    assert may_write(Held(1, 5, 40), replace(HEAD, batch_id=0))


@pytest.mark.parametrize("held", [Held(2, 5, 8), Held(3, 5, 0), Held(3, 5, -1)])
def test_a_sink_that_holds_a_later_batch_is_ahead(held: Held) -> None:
    with pytest.raises(SinkAhead, match=r"WEIR-321: batch 7 of epoch 2 of cards is claimed, and its sink holds batch"):
        may_write(held, HEAD)


@pytest.mark.parametrize("held", [None, Held(2, 4, 6), Held(2, 5, 5), Held(1, 5, 40), Held(2, 5, -1)])
def test_a_sink_that_was_restored_under_a_driver_is_behind(held: Held | None) -> None:
    with pytest.raises(SinkBehind, match=r"WEIR-322: batch 7 of epoch 2 of cards is claimed"):
        may_write(held, HEAD)
