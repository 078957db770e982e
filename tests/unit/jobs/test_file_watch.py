"""What a driver measures of the files of a batch, and when it gives up the batch."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from spark_jobs.protocol.partition import Partition
from spark_jobs.protocol.read_files import GONE, File, FilesChanged, unpacked
from spark_jobs.runtime.contract import Exit
from spark_jobs.runtime.ending import explain
from spark_jobs.sources import files
from spark_jobs.sources.file_watch import FilesUnsettled, FileWatch
from tests.state_files import listed

IN = Partition("file:///in", 0)


class Disk:
    """Files with sizes and times, measured without Spark."""

    def __init__(self) -> None:
        self.there = {f"file:///in/{n}.csv": File(f"file:///in/{n}.csv", 7, n) for n in range(3)}

    def measured(self, _: object, paths: Iterable[str]) -> list[File]:
        return sorted(self.there.get(path, File(path, GONE, GONE)) for path in paths)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    found = Disk()
    monkeypatch.setattr(files, "measured", found.measured)
    return found


def watch(checkpoint: dict[str, bytes]) -> FileWatch:
    return FileWatch(None, {1: IN.source}, lambda path: checkpoint.get(path, b""))  # type: ignore[arg-type]


LISTS = {f"sources/1/{n}": listed(n) for n in range(3)}


def test_a_batch_has_the_files_of_its_steps(disk: Disk) -> None:
    found = watch(LISTS)
    measured = found.measure({IN: 1}, {IN: 3})
    assert [file.path for file in unpacked(measured)] == ["file:///in/1.csv", "file:///in/2.csv"]
    found.require_listed(measured)
    found.require_unchanged(measured)
    assert found.measure({}, {IN: 0}) == b"" == watch(LISTS).measure({IN: 3}, {IN: 3})


def test_steps_that_no_list_names_are_unknown(disk: Disk) -> None:
    with pytest.raises(files.UnknownFiles):
        watch({}).measure({}, {IN: 1})


def test_a_file_that_changes_before_the_claim_is_read_by_the_next_attempt(disk: Disk) -> None:
    found = watch(LISTS)
    path = "file:///in/0.csv"
    disk.there[path] = disk.there[path]._replace(modified=99)
    changed = found.measure({}, {IN: 1})
    with pytest.raises(FilesUnsettled, match=f"WEIR-327: .*nothing was written: {path} was modified"):
        found.require_listed(changed)
    disk.there[path] = disk.there[path]._replace(modified=0)
    measured = found.measure({}, {IN: 1})
    found.require_listed(measured)
    del disk.there[path]
    with pytest.raises(FilesUnsettled, match=f"{path} was deleted") as gone:
        found.require_unchanged(measured)
    assert explain(gone.value)[0] is Exit.LOST


def test_files_that_changed_after_the_claim_are_a_reason_of_their_own() -> None:
    assert explain(FilesChanged("WEIR-327: batch 0")) == (Exit.FILES_CHANGED, "WEIR-327: batch 0")
