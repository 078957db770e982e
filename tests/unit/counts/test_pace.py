"""How many lines the next batch may have."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from spark_jobs.sources.pace import FIRST, GROWTH, LANDS_IN_S, next_limit

MOST = 1_000_000


def test_a_batch_that_was_all_there_was_says_nothing() -> None:
    assert next_limit(200_000, 1000, 0.1, MOST) == 200_000
    assert next_limit(200_000, 1000, 9.0, MOST) == 200_000


def test_a_backlog_is_read_in_growing_batches_up_to_the_bound() -> None:
    limit, seen = FIRST, [FIRST]
    while limit < MOST:
        limit = next_limit(limit, limit - 3, limit / 700_000, MOST)  # Spark gives a few lines less than the limit
        seen.append(limit)
    assert seen == [FIRST, GROWTH * FIRST, GROWTH**2 * FIRST, MOST]


def test_a_slow_store_makes_batches_small_again() -> None:
    assert next_limit(800_000, 800_000, 40.0, MOST) == 100_000
    assert next_limit(100_000, 100_000, 60.0, MOST) == FIRST


@given(st.integers(1, 10**7), st.integers(0, 10**7), st.floats(0, 1e6), st.integers(1, 10**7))
def test_it_stays_within_its_bounds(limit: int, lines: int, seconds: float, most: int) -> None:
    limit = min(limit, most)
    found = next_limit(limit, lines, seconds, most)
    assert 1 <= found <= most
    if lines >= limit and seconds > 1:
        assert found <= max(FIRST, GROWTH * limit, lines / seconds * LANDS_IN_S)
