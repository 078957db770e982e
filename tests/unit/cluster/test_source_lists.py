"""Which lists of a folder's files a query needs to continue."""

from __future__ import annotations

import pytest

from tests.state_files import listed
from weir.cluster.source_lists import counters, needed, torn

PLAN = b'v1\n{"batchWatermarkMs":0}\n{"logOffset":%d}\n{"logs":{"0":7}}\n-\n{"logOffset":3}'


def test_counters_of_the_newest_plan() -> None:
    assert counters({"offsets/9": PLAN % 9, "offsets/10": PLAN % 10, "commits/11": b"v1\n{}"}) == {0: 10, 3: 3}
    assert counters({"metadata": b"{}"}) == {}


@pytest.mark.parametrize(
    ("names", "counter", "found"),
    [
        ("0 1 2 3", 2, "0 1 2"),
        ("0 9.compact 10 11 12", 11, "9.compact 10 11"),
        ("8 9.compact", 9, "9.compact"),
        ("0 1 2 3 4 5 6 7 8 9.compact", 8, "0 1 2 3 4 5 6 7 8"),
        ("9.compact 19.compact 20 .21.crc 21.tmp", 20, "19.compact 20"),
        ("0 1", -1, ""),
    ],
)
def test_the_lists_up_to_a_counter(names: str, counter: int, found: str) -> None:
    assert needed(names.split(), counter) == found.split()


@pytest.mark.parametrize(("names", "counter", "missing"), [("", 0, "0"), ("0 2", 2, "1"), ("9.compact 10", 12, "11")])
def test_a_list_that_is_missing_is_named(names: str, counter: int, missing: str) -> None:
    with pytest.raises(ValueError, match=f"^{missing}$"):
        needed(names.split(), counter)


def test_a_list_cut_off_is_noticed() -> None:
    for name, data in (("3", listed(3)), ("9.compact", listed(9, *range(9)))):
        assert torn(name, data) == ""
        assert all(torn(name, data[:size]) for size in range(len(data)))
        assert torn(name, data + b"\n")
