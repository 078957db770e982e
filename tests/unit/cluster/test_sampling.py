"""Some batches of a long ledger, by few questions."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from spark_jobs.protocol.head import Batch, Head, Progress, Totals, claim, first_head, land, started, taken_over
from spark_jobs.protocol.partition import Partition, of_source
from weir.cassandra.sampling import PROBES, ROUNDS, Places, Position, between, spread

by_partition = partial(of_source, "t")  # offsets by partition


def test_places_are_the_landed_positions_in_order() -> None:
    places = Places({3: (10, 11), 1: (0, 2), 2: (5, 4)})
    assert [places[n] for n in range(len(places))] == [(1, 0), (1, 1), (1, 2), (3, 10), (3, 11)]
    assert len(Places({})) == 0


@given(st.integers(0, 50), st.integers(0, 500), st.integers(2, 60))
def test_what_is_spread_is_even_and_has_both_ends(first: int, more: int, most: int) -> None:
    found = list(spread(first, first + more, most))
    assert found[0] == first and found[-1] == first + more and len(found) == min(most, more + 1)
    steps = {b - a for a, b in pairwise(found)}
    assert not steps or max(steps) - min(steps) <= 1


class Ledger:
    """`n` batches, claimed a second apart, by two attempts; it counts what is fetched."""

    def __init__(self, n: int) -> None:
        head = started(taken_over(first_head("job", by_partition({0: 0}), 0)), "i")
        self.rows: dict[Position, Head] = {}
        for at in range(n):
            if at == n // 3:
                head = started(taken_over(head), "j")
            batch = Batch(head.last_landed + 1, head.frontier, by_partition({0: head.frontier[Partition("t", 0)] + 1}))
            head = land(claim(head, batch, Totals(), Progress(), "v", at * 1_000_000 + 1), at * 1000 + 5)
            self.rows[head.position] = head
        self.asked = 0
        half = n // 3
        self.places = Places({1: (0, half - 1), 2: (half, n - 1)} if half else {2: (0, n - 1)})
        self.ends = (min(self.rows), max(self.rows))

    def fetch(self, positions: Collection[Position]) -> Mapping[Position, Head]:
        self.asked += len(positions)
        return {p: self.rows[p] for p in positions if p in self.rows}

    def claimed(self, since: int, until: int, most: int) -> list[int]:
        """Second by second, of what was found."""
        return [head.write_ts // 1_000_000 for head in between(self.places, self.ends, self.fetch, since * 1000, until * 1000, most)]


LEDGER = Ledger(20_000)


@given(st.integers(-100, 20_100), st.integers(1, 30_000))
def test_a_part_of_a_long_ledger_is_found_by_few_questions(since: int, length: int) -> None:
    LEDGER.asked = 0
    found, there = LEDGER.claimed(since, since + length, 100), range(max(0, since), max(0, min(20_000, since + length)))
    assert found == sorted(set(found)) and all(second in there for second in found)
    assert LEDGER.asked <= ROUNDS * PROBES + 100
    if len(there) <= 90:
        assert found == list(there), "a few are all read"
    else:
        assert len(found) >= 60 and found[0] - there[0] <= len(there) / 40 and there[-1] - found[-1] <= len(there) / 40


def test_what_lies_in_other_days_is_not_looked_for() -> None:
    ledger = Ledger(1000)
    day = {p: h for p, h in ledger.rows.items() if 400 <= h.write_ts // 1_000_000 < 600}
    ledger.rows, ledger.ends = day, (min(day), max(day))
    assert ledger.claimed(450, 460, 50) == list(range(450, 460))
    assert ledger.claimed(0, 1000, 500) == list(range(400, 600))


def test_what_the_ledger_does_not_have_yet_is_passed_over() -> None:
    ledger = Ledger(10)
    del ledger.rows[max(ledger.rows)]
    assert ledger.claimed(0, 100, 50) == list(range(9))
