"""Partitions as text, for programs and for people."""

from __future__ import annotations

import pytest

from spark_jobs.protocol.partition import Partition, identified, labelled, numbers, of_source, unlabelled

A, B = Partition("a", 0), Partition("b", 12)


@pytest.mark.parametrize("one", [A, B, Partition("", 3), Partition("Ab+/cd", 1)])
def test_a_partition_comes_back_from_its_text(one: Partition) -> None:
    assert Partition.parse(str(one)) == one


def test_a_number_alone_is_of_the_source_that_is_given() -> None:
    assert Partition.parse("12", "b") == B and Partition.parse("a:0", "b") == A


@pytest.mark.parametrize("text", ["", "a", "a:", ":x"])
def test_anything_else_is_no_partition(text: str) -> None:
    with pytest.raises(ValueError):
        Partition.parse(text)


def test_people_see_the_number_alone_where_there_is_one_source() -> None:
    assert labelled(of_source("a", {10: 1, 2: 3})) == {"2": 3, "10": 1}
    assert labelled({B: 1, A: 2}, {"a": "logs", "b": "web"}) == {"logs/0": 2, "web/12": 1}
    assert labelled({A: 2}, {"a": "logs"}) == {"logs/0": 2}, "a job that may have several sources has one now"


@pytest.mark.parametrize("names", [{}, {"a": "logs", "b": "web"}])
def test_labels_lead_back(names: dict[str, str]) -> None:
    values = {A: 2, B: 1} if names else {A: 2}
    assert unlabelled(labelled(values, names), {name: source for source, name in names.items()} or {"logs": "a"}) == values


def test_a_label_of_a_topic_that_is_not_known_is_left_out() -> None:
    assert unlabelled({"logs/0": 1, "web/1": 2}, {"logs": "a"}) == {A: 1}


def test_numbers_are_of_one_source_alone() -> None:
    assert numbers(of_source("a", {0: 1})) == {0: 1}
    with pytest.raises(ValueError, match="several sources"):
        numbers({A: 1, B: 2})


def test_an_unknown_source_is_the_only_one_that_is_there() -> None:
    assert identified(of_source("", {0: 1}), {"a"}) == {A: 1}
    assert identified(of_source("", {0: 1}), {"a", "b"}) == of_source("", {0: 1})
    assert identified(of_source("b", {0: 1}), {"a"}) == of_source("b", {0: 1})
