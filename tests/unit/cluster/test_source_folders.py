"""Which files of a folder count as its input: those that Spark reads, as tests/spark observed it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from weir.cluster.checkpoints import CheckpointFolders
from weir.cluster.source_folders import SourceFolders
from weir.errors import FolderMissing, NotRunning
from weir.ports import folders
from weir.settings import Settings


def put(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("1\n")
    return folder


def names(folder: Path) -> frozenset[str]:
    return SourceFolders(Settings(home="")).names(f"file://{folder}")


def test_hidden_files_and_folders_are_left_out(tmp_path: Path) -> None:
    there = put(tmp_path / "in %20#?", "a b.csv", ".part.csv", "_c.csv", "d.csv._COPYING_", "older/e.csv", "_f=1.csv")
    assert names(there) == {"a b.csv", "_f=1.csv"}


def test_a_folder_that_is_missing_or_may_have_more_is_not_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FolderMissing, match=r"The folder file:///\S+/none does not exist"):
        names(tmp_path / "none")
    with pytest.raises(NotRunning, match="has a folder day=1, whose files Spark reads and Weir does not count"):
        names(put(tmp_path / "days", "day=1/a.csv"))
    monkeypatch.setattr("weir.cluster.source_folders.MOST_LISTED", 1)
    with pytest.raises(NotRunning, match="has 2 files, and Weir counts at most 1"):
        names(put(tmp_path / "many", "a.csv", "b.csv"))
    assert folders.MOST_LISTED == 100_000


def test_a_name_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    """Spark leaves such a file out without a warning."""
    put(tmp_path, "a.csv")
    Path(os.fsdecode(bytes(tmp_path) + b"/b\xff.csv")).touch()
    with pytest.raises(NotRunning, match=r"a file whose name is not UTF-8, \S*b.xff.csv'"):
        names(tmp_path)


def test_what_was_read_is_in_the_lists_of_the_newest_attempt_that_has_them(tmp_path: Path) -> None:
    there = CheckpointFolders(str(tmp_path))

    def entries(*steps: int) -> bytes:
        return b"\n".join([b"v1", *(b'{"path":"file:///in/day%%20%d.csv","timestamp":1,"batchId":%d}' % (step, step) for step in steps)])

    lists = {"sources/0/9.compact": entries(*range(10)), "sources/0/10": entries(10), "sources/0/11": entries(11)}
    there.put("job", 1, 1, lists)
    there.put("job", 1, 2, {"metadata": b"{}"})
    there.put("job", 2, 3, {"sources/0/0": entries(0)})
    assert there.files_read("job", 1, 0, 10) == {f"day {n}.csv" for n in range(11)}
    with pytest.raises(NotRunning, match="No checkpoint of job lists the files that it has read, up to step 12"):
        there.files_read("job", 1, 0, 12)
    with pytest.raises(NotRunning, match="No checkpoint of job"):
        there.files_read("job", 1, 1, 0)
