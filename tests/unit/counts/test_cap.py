"""The cap on signatures: the most frequent stay, and a flood leaves room for other kinds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_jobs.counts.cap import kept

CAP = 200
WORDS = st.sampled_from(["disk", "link", "user", "down", "not", "found", "*", "a*b"])
TEXTS = st.lists(WORDS, min_size=1, max_size=4).map(" ".join)
NUMBERS = st.dictionaries(TEXTS, st.integers(1, 5), min_size=1, max_size=60)
OTHERS = {
    f"{one} {two} failed": 1
    for one in ("disk", "link", "fan", "pump", "door")
    for two in ("a", "b", "c", "d", "e", "f", "g", "h", "i", "j")
}


@given(NUMBERS, st.integers(1, 40), st.randoms())
def test_the_order_does_not_matter_and_the_cap_holds(numbers: dict[str, int], cap: int, random: object) -> None:
    shuffled = list(numbers.items())
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    found = kept(numbers, cap)
    assert found == kept(dict(shuffled), cap)
    assert len(found) == min(cap, len(numbers))


@given(NUMBERS, st.integers(2, 40))
def test_half_of_the_cap_is_for_the_most_frequent(numbers: dict[str, int], cap: int) -> None:
    ranked = sorted(numbers, key=lambda text: (-numbers[text], text))
    assert set(ranked[: cap // 2]) <= kept(numbers, cap)


@pytest.mark.parametrize("form", ["user {} not found", "{}: no such table", "cannot open {}", "{}"])
@pytest.mark.parametrize("lines", [1, 3])
def test_a_flood_of_one_shape_leaves_other_kinds(form: str, lines: int) -> None:
    flood = {form.format("".join("ghjklmnpqr"[int(digit)] for digit in str(n))): lines for n in range(10_000)}
    found = kept(flood | OTHERS, CAP)
    assert len(found) == CAP
    if form != "{}":  # texts with nothing in common are no flood of one shape
        assert set(OTHERS) <= found


@given(st.integers(1, 9), st.lists(st.integers(1, 9), min_size=1, max_size=25))
def test_a_quarter_of_the_cap_is_safe_from_a_flood(lines: int, others: list[int]) -> None:
    flood = {f"user {n:x}x not found": lines for n in range(500)}
    rare = {f"kind {'abcdefghijklmnopqrstuvwxyz'[i]} broke": n for i, n in enumerate(others)}
    assert set(rare) <= kept(flood | rare, 100)


def test_what_fits_stays() -> None:
    assert kept(OTHERS, len(OTHERS)) == set(OTHERS)
