"""When a pane is closed."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from spark_jobs.protocol.head import Head, Progress, State, first_head
from spark_jobs.protocol.partition import of_source
from weir.counts.closed import NOTHING, closed_now, closed_until
from weir.counts.rules import Rules
from weir.testing import MemoryBroker

at = partial(of_source, "t")  # offsets by partition

RULES = Rules("job", "logs")
LANDED = 5_000_000
SEEN = Progress(at({0: 1_004_000, 1: 995_000}), at({0: LANDED, 1: LANDED}), 935_000)


def head() -> Head:
    first = first_head("job", at({0: 0, 1: 0}), 1)
    return replace(first, batch_id=0, end=at({0: 10, 1: 7}), progress=SEEN, landed_at=LANDED)


def test_the_watermark_closes_panes() -> None:
    assert closed_until(head(), RULES, at({0: 11, 1: 7}), LANDED + 10**9) == 935_000
    assert closed_until(head(), RULES, None, LANDED + 10**9) == 935_000


def test_at_the_end_for_the_allowed_lateness_all_is_closed() -> None:
    ends = at({0: 10, 1: 7})
    assert closed_until(head(), RULES, ends, LANDED + 59_999) == 935_000
    assert closed_until(head(), RULES, ends, LANDED + 60_000) == 1_010_000


def test_an_open_claim_closes_nothing_by_itself() -> None:
    claimed = replace(head(), state=State.CLAIMED, before=replace(SEEN, watermark=900_000), landed_at=0)
    assert closed_until(claimed, RULES, at({0: 0, 1: 0}), LANDED + 10**9) == 900_000


def test_nothing_is_closed_before_the_first_batch() -> None:
    assert closed_until(first_head("job", at({0: 0}), 1), RULES, at({0: 0}), 10**12) == NOTHING


def test_a_new_partition_is_not_read_to_its_end() -> None:
    assert closed_until(head(), RULES, at({0: 10, 1: 7, 2: 1}), LANDED + 10**9) == 935_000


def test_a_broker_that_does_not_answer_leaves_the_watermark() -> None:
    broker = MemoryBroker()
    broker.answers = False
    assert closed_now(head(), RULES, broker, LANDED + 10**9) == 935_000
