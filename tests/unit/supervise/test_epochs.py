"""What a form about a new epoch is held to, there and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weir.errors import BadInput
from weir.supervise.epochs import Held

held = st.builds(Held, st.integers(0, 10**9), st.integers(-1, 10**9), st.from_regex(r"m[0-9a-f]{12}", fullmatch=True) | st.just(""))


@given(held)
def test_it_comes_back_as_it_was_shown(one: Held) -> None:
    assert Held.of(str(one)) == one


MISSING = {"3": Held(3), "3 7": Held(3, 7), "3 m12": Held(3, -1, "m12"), "3 7 m12": Held(3, 7, "m12")}


@pytest.mark.parametrize(("text", "one"), MISSING.items())
def test_batch_and_mark_may_be_missing(text: str, one: Held) -> None:
    assert Held.of(text) == one


@pytest.mark.parametrize("text", ["", "x", "3 x", "3 7 m1 2", "-1", "3  7"])
def test_what_names_no_attempt_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="attempt"):
        Held.of(text)
