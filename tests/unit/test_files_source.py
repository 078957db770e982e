"""What is known of the files of a batch."""

from __future__ import annotations

import pytest

from spark_jobs.protocol.partition import Partition, is_folder, labelled, unlabelled
from spark_jobs.protocol.read_files import GONE, File, changes, packed, unpacked
from spark_jobs.sources.files import UnknownFiles, listed
from spark_jobs.sources.offsets import counter, parse_plan, with_offsets
from tests.state_files import listed as made

A, B, C = File("file:/in/a.csv", 7, 1000), File("file:/in/b c.csv", 9, 2000), File("file:/in/é.csv", 0, 3000)


@pytest.mark.parametrize(
    ("line", "found"),
    [('{"logOffset":12}', 12), ("-", -1), ('{"logs":{"0":7}}', None), ('{"logOffset":"1"}', None), ("", None), ("7", None)],
)
def test_the_counter_of_a_line(line: str, found: int | None) -> None:
    assert counter(line) == found


def test_the_files_of_steps() -> None:
    checkpoint = {
        "sources/1/9.compact": made(9, *range(9)),
        "sources/1/8": made(8),
        "sources/1/10": made(10),
        "sources/1/11": made(11)[:-2],
    }

    def read(path: str) -> bytes:
        return checkpoint.get(path, b"")

    def paths(after: int, upto: int) -> list[str]:
        return [path.rpartition("/")[2] for path, _ in listed(read, 1, after, upto)]

    assert paths(7, 8) == ["8.csv"], "from its own list"
    assert paths(2, 9) == sorted(f"{n}.csv" for n in range(3, 10)), "from the compact one"
    assert listed(read, 1, 9, 10) == [("file:///in/10.csv", 10)]
    assert paths(10, 10) == []
    for after, upto in ((10, 11), (11, 12)):
        with pytest.raises(UnknownFiles, match=f"sources/1 of the checkpoint does not list the files of step {upto}"):
            paths(after, upto)


def test_a_list_is_packed_the_same_way_each_time() -> None:
    assert packed([A, B, C]) == packed([C, B, A]) and unpacked(packed([C, B, A])) == [A, B, C]
    assert unpacked(b"") == []
    many = [File(f"s3a://bucket/events/2026/11/30/part-{n:05}-0b6f4c1e.csv", n * 37 % 9999, 1_796_000_000_000 + n) for n in range(1000)]
    assert len(packed(many)) < 100_000


@pytest.mark.parametrize(
    ("now", "told"),
    [
        ([A, B], ""),
        ([A, B._replace(size=10)], "file:/in/b c.csv had 9 bytes, and now has 10"),
        ([A, B._replace(modified=2001)], "file:/in/b c.csv was modified"),
        ([A._replace(size=GONE, modified=GONE), B], "file:/in/a.csv was deleted"),
        ([B], "file:/in/a.csv was recorded, but is not listed now"),
        ([A, B, C], "file:/in/é.csv was not recorded"),
    ],
)
def test_what_changed_is_told(now: list[File], told: str) -> None:
    assert changes([B, A], now) == told


def test_a_few_of_many_changes_are_told() -> None:
    many = [File(f"{n}.csv", 1, 1) for n in range(9)]
    assert changes(many, [file._replace(size=2) for file in many]).endswith("4.csv had 1 bytes, and now has 2 and 4 more")


IN = "file:///in"
PLAN = b'v1\n{"batchWatermarkMs":0}\n{"logs":{"0":7}}\n{"logOffset":4}\n-'


def test_the_line_of_a_folder_is_known_by_its_place() -> None:
    folders = {1: IN, 2: "s3a://b/x"}
    assert parse_plan(PLAN, folders) == {"logs": {0: 7}, IN: {0: 5}, "s3a://b/x": {0: 0}}
    assert parse_plan(PLAN) is None and parse_plan(PLAN, {0: IN}) is None
    assert with_offsets(PLAN, {}, folders).split(b"\n")[3:] == [b'{"logOffset": 4}', b"-"]
    moved = with_offsets(PLAN, {IN: {0: 6}, "logs": {0: 9}}, folders)
    assert parse_plan(moved, folders) == {"logs": {0: 9}, IN: {0: 6}, "s3a://b/x": {0: 0}}


def test_folders_and_topics_are_labelled_side_by_side() -> None:
    ends = {Partition(IN, 0): 5, Partition("Ab+/cd", 1): 7}
    names = {IN: IN, "Ab+/cd": "logs"}
    shown = labelled(ends, names)
    assert shown == {"logs/1": 7, IN: 5}
    assert unlabelled(shown, {name: source for source, name in names.items()}) == ends
    assert Partition.parse(str(Partition(IN, 0))) == Partition(IN, 0)
    assert not is_folder("Ab+/cd") and is_folder(IN)
