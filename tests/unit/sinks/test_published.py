"""What the manifests of a Parquet sink say to a head."""

from __future__ import annotations

from dataclasses import replace

import pytest

from spark_jobs.protocol.head import Head, State, first_head, rebuilt
from spark_jobs.sinks.published import Batch, left_over, missing, unknown

LANDED = replace(first_head("cards", {}, 1), epoch=2, attempt=3, batch_id=4, epoch_ends=(9,))
CLAIMED = replace(LANDED, batch_id=5, state=State.CLAIMED)
NEW = replace(LANDED, batch_id=-1)
ALL = [*((1, n) for n in range(10)), *((2, n) for n in range(5))]


@pytest.mark.parametrize("head", [LANDED, CLAIMED])
def test_manifests_of_all_that_landed_agree_with_the_head(head: Head) -> None:
    assert unknown(ALL, head) is missing(ALL, head) is left_over(ALL, head) is None
    assert missing(ALL[:-1], head) is None, "the newest one may be missing"


@pytest.mark.parametrize("batch", [(2, 5), (3, 0), (1, 10)])
def test_a_batch_that_has_not_landed_is_unknown(batch: Batch) -> None:
    assert unknown([*ALL, batch], CLAIMED) == batch


@pytest.mark.parametrize("found", [[], ALL[:-2]])
def test_a_manifest_before_the_newest_is_missed(found: list[Batch]) -> None:
    assert missing(found, LANDED) == (2, 3)


def test_an_epoch_that_keeps_state_has_its_earlier_manifests_under_the_earlier_epoch() -> None:
    kept = rebuilt(replace(LANDED, stateful=True), {}, keeps_state=True)
    assert (kept.epoch, kept.batch_id, kept.base) == (3, 4, 4)
    first = replace(kept, batch_id=5)
    assert missing(ALL, kept) is left_over(ALL, kept) is missing(ALL, first) is unknown([*ALL, (3, 5)], first) is None
    assert missing([*ALL, (3, 6)], replace(kept, batch_id=6)) == (3, 5)


def test_the_last_batch_of_an_earlier_epoch_is_looked_for_until_this_one_lands() -> None:
    assert left_over(ALL[:9], NEW) == (1, 9)
    assert left_over(ALL[:10], NEW) is None
    assert left_over(ALL[:9], LANDED) is None
    assert left_over([], replace(NEW, epoch=3, epoch_ends=(9, -1))) == (1, 9), "the epoch between landed nothing"
    assert left_over([], first_head("cards", {}, 1)) is None


def test_an_epoch_that_keeps_state_lacks_no_manifest_of_the_batch_it_continues_from() -> None:
    kept = replace(LANDED, epoch=3, epoch_ends=(9, 4), base=4, state_epoch=2)
    first, second = replace(kept, batch_id=5), replace(kept, batch_id=6)
    claimed = replace(first, state=State.CLAIMED)
    for head, found in ((kept, ALL), (claimed, ALL), (first, ALL), (first, [*ALL, (3, 5)]), (second, [*ALL, (3, 5)])):
        assert unknown(found, head) is missing(found, head) is left_over(found, head) is None
    assert missing(ALL, second) == (3, 5)
    assert left_over(ALL[:-1], kept) == (2, 4)
