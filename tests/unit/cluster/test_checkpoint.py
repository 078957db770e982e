"""Copying a checkpoint that may be torn: what is kept can be started from, and everything else is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from spark_jobs.offsets import parse_offsets
from weir.cluster.checkpoint import CheckpointFolders

COMMIT = b'v1\n{"nextBatchWatermarkMs":0}'


def offsets(n: int) -> bytes:
    return b'v1\n{"batchWatermarkMs":0}\n{"logs":{"0":%d,"1":%d}}' % (10 * n + 10, n)


def make(folder: Path, planned: range, committed: range) -> Path:
    for kind, numbers, content in (("offsets", planned, offsets), ("commits", committed, lambda n: COMMIT)):
        (folder / kind).mkdir(parents=True)
        for n in numbers:
            (folder / kind / str(n)).write_bytes(content(n))
    (folder / "metadata").write_text('{"id":"7f"}')
    return folder


@pytest.fixture
def first(tmp_path: Path) -> Path:
    return make(tmp_path / "job" / "epoch-1" / "attempt-1", range(6), range(5))


def copy(base: Path) -> int | None:
    return CheckpointFolders(str(base)).copy_for("job", 1, 2)


def names(base: Path, kind: str) -> list[str]:
    return sorted(f.name for f in (base / "job" / "epoch-1" / "attempt-2" / kind).iterdir())


def test_the_end_of_the_folder_is_copied(tmp_path: Path, first: Path) -> None:
    assert copy(tmp_path) == 5
    assert (names(tmp_path, "offsets"), names(tmp_path, "commits")) == (["3", "4", "5"], ["3", "4"])


@pytest.mark.parametrize("torn", [b"", b"v1", b'v1\n{"batchWa', b'v1\n{}\n{"logs":{"0":1', offsets(5)[:-1]])
def test_a_torn_plan_is_dropped(tmp_path: Path, first: Path, torn: bytes) -> None:
    (first / "offsets" / "5").write_bytes(torn)
    assert copy(tmp_path) == 4


def test_a_torn_commit_is_dropped_and_its_batch_done_again(tmp_path: Path, first: Path) -> None:
    (first / "offsets" / "5").unlink()
    (first / "commits" / "4").write_bytes(b"")
    assert copy(tmp_path) == 4
    assert "4" not in names(tmp_path, "commits")


def test_files_of_a_writer_at_work_are_left(tmp_path: Path, first: Path) -> None:
    (first / "offsets" / ".6.tmp").write_bytes(offsets(6))
    assert copy(tmp_path) == 5


def test_an_attempt_that_never_planned_leads_to_its_own_copy(tmp_path: Path) -> None:
    make(tmp_path / "job" / "epoch-1" / "attempt-1", range(0), range(0))
    assert copy(tmp_path) == -1


@pytest.mark.parametrize("damage", ["metadata", "commits"])
def test_a_damaged_folder_is_not_used(tmp_path: Path, first: Path, damage: str) -> None:
    if damage == "metadata":
        (first / "metadata").write_text("")
    else:
        for file in (first / "commits").iterdir():
            file.unlink()
    assert copy(tmp_path) is None
    assert not (tmp_path / "job" / "epoch-1" / "attempt-2").exists()


def test_a_damaged_attempt_falls_back_to_the_one_before(tmp_path: Path, first: Path) -> None:
    make(tmp_path / "job" / "epoch-1" / "attempt-2", range(8), range(7))
    (tmp_path / "job" / "epoch-1" / "attempt-2" / "metadata").unlink()
    assert CheckpointFolders(str(tmp_path)).copy_for("job", 1, 3) == 5


def test_there_may_be_nothing(tmp_path: Path) -> None:
    assert copy(tmp_path) is None


def test_old_attempts_are_forgotten(tmp_path: Path) -> None:
    for attempt in range(1, 7):
        make(tmp_path / "job" / "epoch-1" / f"attempt-{attempt}", range(3), range(2))
    CheckpointFolders(str(tmp_path)).copy_for("job", 1, 7)
    assert sorted(f.name for f in (tmp_path / "job" / "epoch-1").iterdir()) == [f"attempt-{n}" for n in (4, 5, 6, 7)]


def test_a_copy_that_was_cut_short_is_made_again(tmp_path: Path, first: Path) -> None:
    (tmp_path / "job" / "epoch-1" / "attempt-2.copying" / "offsets").mkdir(parents=True)
    assert copy(tmp_path) == 5


def test_offsets_are_read() -> None:
    assert parse_offsets(offsets(2)) == {0: 30, 1: 2}
