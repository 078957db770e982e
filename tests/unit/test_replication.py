"""Copies of rows change only so that no quorum can miss one."""

from __future__ import annotations

from itertools import combinations

import pytest

from weir.cassandra.replication import advice, altered, check_room, check_step, copies_of, quorum
from weir.errors import Conflict, TooFewNodes

SIMPLE = {"class": "org.apache.cassandra.locator.SimpleStrategy", "replication_factor": "1"}
TOPOLOGY = {"class": "org.apache.cassandra.locator.NetworkTopologyStrategy", "dc1": "3", "It's": "2"}


@pytest.mark.parametrize(
    ("replication", "dc", "copies"), [(SIMPLE, "x", 1), (TOPOLOGY, "dc1", 3), (TOPOLOGY, "dc2", 0), ({"class": "X"}, "a", 0)]
)
def test_the_copies_of_a_data_centre_are_read(replication: dict[str, str], dc: str, copies: int) -> None:
    assert copies_of(replication, dc) == copies


def test_a_change_leaves_other_data_centres_alone() -> None:
    assert altered(TOPOLOGY, "dc1", 2) == "{'class': 'NetworkTopologyStrategy', 'dc1': '2', 'It''s': '2'}"
    assert altered(SIMPLE, "dc1", 2) == altered({}, "dc1", 2) == "{'class': 'NetworkTopologyStrategy', 'dc1': '2'}"


@pytest.mark.parametrize(("before", "wanted", "nodes"), [(None, 3, 1), (1, 3, 2), (3, None, 1), (None, 1, 0)])
def test_more_copies_than_nodes_are_refused_with_what_fits(before: int | None, wanted: int | None, nodes: int) -> None:
    with pytest.raises(TooFewNodes, match=f"--replication {max(1, nodes)}"):
        check_room("weir", before, wanted, nodes, "dc1")


@pytest.mark.parametrize(("before", "wanted", "nodes"), [(None, 3, 3), (3, None, 2), (3, 1, 1), (None, None, 1)])
def test_copies_that_fit_are_allowed(before: int | None, wanted: int | None, nodes: int) -> None:
    check_room("weir", before, wanted, nodes, "dc1")


def is_safe(before: int, wanted: int) -> bool:
    """By trying all: is a row that any old quorum has in every new quorum?"""
    kept = range(min(before, wanted))
    old, new = range(before), [*kept, *range(100, 100 + wanted - len(kept))]
    return all(set(w) & set(r) for w in combinations(old, quorum(before)) for r in combinations(new, quorum(wanted)))


@pytest.mark.parametrize("before", range(1, 7))
@pytest.mark.parametrize("wanted", range(1, 7))
def test_a_change_that_could_hide_rows_is_refused(before: int, wanted: int) -> None:
    if is_safe(before, wanted):
        return check_step("weir", before, wanted, nodes=9)
    with pytest.raises(Conflict, match=f"--replication {before + (1 if wanted > before else -1)}"):
        check_step("weir", before, wanted, nodes=9)


def test_a_keyspace_that_could_never_be_used_changes_at_once() -> None:
    check_step("weir", before=3, wanted=1, nodes=1)
    check_step("weir", before=0, wanted=3, nodes=3)


def test_what_to_run_afterwards_is_told() -> None:
    assert "nodetool repair -full weir" in advice("weir", 1, 2)
    assert "nodetool cleanup weir" in advice("weir", 3, 2)
    assert "nodetool rebuild" in advice("weir", 0, 2)
