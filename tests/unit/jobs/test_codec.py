"""Heads as they are kept: what one version writes, another reads."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from spark_jobs.protocol import codec
from spark_jobs.protocol.gap import Gap, GapKind, Hole, holes_between
from spark_jobs.protocol.head import (
    Batch,
    Head,
    Partition,
    Progress,
    Totals,
    claim,
    first_head,
    land,
    rebuilt,
    started,
    taken_over,
    with_sources,
)
from spark_jobs.protocol.partition import of_source

at = partial(of_source, "topic")  # offsets by partition
OLD, NEW = "Ab+/cdEFghIJklMNopQRst", "NEWtopicNEWtopicNEWtop"
RELEASED = json.loads((Path(__file__).parent / "released/heads.json").read_text())  # written by commit adaf5c8, by what befell the job


def lived() -> dict[str, Head]:
    """What befell the job of RELEASED, once more."""
    old = partial(of_source, OLD)
    first = first_head("counts", old({0: 5, 1: 0}), 1000)
    totals = Totals(6, {"error": 4, "info": 1}, {"bad_time": 1}, 1)
    progress = Progress(old({0: 100, 1: 90}), old({0: 101, 1: 95}), 40)
    run = started(taken_over(first), "i1@host:7")
    claimed = claim(run, Batch(0, old({0: 5, 1: 0}), old({0: 9, 1: 2})), totals, progress, "v1", 2000, 7)
    landed, behind = land(claimed, 8), old({0: 12, 1: 2})
    gap = rebuilt(landed, behind, Gap(GapKind.LOSS, holes_between(landed.frontier, behind), "ana", "retention", 9))
    holes = (Hole(Partition(OLD, 0), 12, 20), Hole(Partition(NEW, 0), 0, 3))
    again = rebuilt(gap, of_source(NEW, {0: 3, 1: 0}), Gap(GapKind.LOSS, holes, "ana", "made again", 9, exact=False))
    return {"first": first, "claimed": claimed, "landed": landed, "gap": gap, "made_again": again}


@pytest.mark.parametrize("name", RELEASED)
def test_a_head_that_is_released_is_read_and_written_as_it_is(name: str) -> None:
    assert codec.dump(codec.load(RELEASED[name])) == RELEASED[name]


@pytest.mark.parametrize("name", lived())
def test_the_release_writes_the_same_of_the_same_life(name: str) -> None:
    assert codec.dump(lived()[name]) == RELEASED[name] and codec.load(RELEASED[name]) == lived()[name]


def test_a_head_of_an_unknown_topic_goes_on_in_the_one_that_is_there() -> None:
    head = codec.load(RELEASED["nameless"])
    assert (head.topic_id, head.sources) == ("", {""})
    anew = rebuilt(head, of_source(OLD, {0: 9, 1: 2}))
    assert anew.topic_id == OLD and anew.progress.event_times == of_source(OLD, {0: 100, 1: 90})


def test_a_head_of_several_topics_comes_back_and_cannot_be_misread() -> None:
    both = {Partition(OLD, 0): 7, Partition(NEW, 0): 3}
    first = with_sources(first_head("counts", of_source(OLD, {0: 7}), 1), of_source(NEW, {0: 3}), {OLD: "logs", NEW: "web"})
    head = replace(first, progress=Progress(both, both, 2))
    assert (head.end, head.begins) == (both, of_source(NEW, {0: 3}))
    text = codec.dump(head)
    assert codec.load(text) == head
    with pytest.raises(ValueError):  # as every release reads the partitions of a head
        {int(p): n for p, n in json.loads(text)["end"].items()}


def test_a_head_comes_back_as_it_was() -> None:
    head = started(taken_over(first_head("counts", at({0: 0}), 1)), "i1")
    claimed = claim(head, Batch(0, at({0: 0}), at({0: 10})), Totals(10, {"error": 10}), Progress(at({0: 5}), at({0: 6}), 4), "v1", 9, 7)
    for each in (head, claimed, land(claimed, 8)):
        assert codec.load(codec.dump(each)) == each


def test_a_head_of_a_later_or_an_earlier_version_can_be_read() -> None:
    head = first_head("counts", at({0: 0}), 1)
    later = {**json.loads(codec.dump(head)), "mood": "calm"}
    earlier = {name: value for name, value in later.items() if name not in ("mood", "began_at")}
    assert codec.load(json.dumps(later)) == codec.load(json.dumps(earlier)) == head


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"job": "counts"}'])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        codec.load(text)


def test_files_are_beside_the_record_which_earlier_releases_read() -> None:
    head = replace(lived()["landed"], plan=b"v1", files=b"packed")
    assert codec.dump(head) == codec.dump(replace(head, files=b""))
    assert codec.load(codec.dump(head), b"v1", None, b"packed") == head
