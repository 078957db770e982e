"""What every place for checkpoints promises: one suite for the one in memory and for folders."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.stores.servers import EACH, FileStore
from weir.cluster.checkpoints import CheckpointFolders
from weir.errors import NotRunning
from weir.ports.checkpoints import QueryProgress
from weir.settings import Settings
from weir.testing import MemoryCheckpoints

JOB = "counts"
FILES = {
    "metadata": b'{"id":"7f"}',
    "sources/0/0": b'\0v1\n{"logs":{"0":0}}',
    **{f"offsets/{n}": b'v1\n{}\n{"logs":{"0":%d}}' % n for n in range(9, 12)},
    "commits/9": b"v1\n{}",
    "commits/10": b"",
}
Write = Callable[[int, int | None, str, bytes], None]


class Place:
    """Checkpoints, and a way to write a file into them as a driver would."""

    def __init__(self, there: Any, write: Write) -> None:
        self.there, self.write = there, write

    def fill(self, epoch: int, attempt: int) -> None:
        for path, data in FILES.items():
            self.write(epoch, attempt, path, data)


@pytest.fixture(params=["memory", *EACH])
def place(request: pytest.FixtureRequest) -> Place:
    if request.param == "memory":
        memory = MemoryCheckpoints()

        def remember(epoch: int, attempt: int | None, path: str, data: bytes) -> None:
            memory.files.setdefault((JOB, epoch, attempt), {})[path] = data

        return Place(memory, remember)
    return in_store(request.getfixturevalue("file_stores")(request.param))


@pytest.fixture
def stored(file_store: FileStore) -> Place:
    """Checkpoints in a store that keeps files."""
    return in_store(file_store)


def in_store(store: FileStore) -> Place:
    settings = store.settings(Settings(home=""), f"checkpoints-{uuid4().hex[:8]}")
    folders = CheckpointFolders(settings.checkpoints, settings)

    def write(epoch: int, attempt: int | None, path: str, data: bytes) -> None:
        store.write(f"{folders.location(JOB, epoch, attempt)}/{path}", data)

    return Place(folders, write)


def test_every_attempt_that_has_a_folder_is_known(place: Place) -> None:
    assert list(place.there.attempts(JOB)) == []
    for epoch, attempt in ((2, 12), (1, 9), (1, 10)):
        place.fill(epoch, attempt)
    assert list(place.there.attempts(JOB)) == [(1, 9), (1, 10), (2, 12)]
    assert list(place.there.attempts("another")) == []


def test_a_folder_is_read_as_it_is(place: Place) -> None:
    place.fill(1, 3)
    place.write(1, 3, "offsets/.12.5f.tmp", b"v1")
    folder = place.there.read(JOB, 1, 3)
    assert folder.exists and folder.trouble == {} and folder.writable is not False
    assert folder.contents == FILES
    assert folder.sizes == {**{path: len(data) for path, data in FILES.items()}, "offsets/.12.5f.tmp": 2}
    assert folder.numbered("offsets").keys() == {9, 10, 11} and folder.numbered("commits") == {9: b"v1\n{}", 10: b""}
    assert (folder.epoch, folder.attempt, folder.location) == (1, 3, place.there.location(JOB, 1, 3))


def test_of_a_long_folder_only_the_newest_batches_are_read(place: Place) -> None:
    place.fill(1, 3)
    folder = place.there.read(JOB, 1, 3, newest=1)
    assert folder.contents.keys() == {"metadata", "sources/0/0", "offsets/11", "commits/10"}
    assert folder.sizes.keys() == FILES.keys()


def test_a_folder_that_is_not_there_is_empty(place: Place) -> None:
    folder = place.there.read(JOB, 1, 3)
    assert (folder.exists, dict(folder.sizes), folder.writable) == (False, {}, None)


def test_what_is_put_is_there_and_what_is_forgotten_is_not(place: Place) -> None:
    place.there.put(JOB, 1, 4, FILES)
    assert place.there.read(JOB, 1, 4).contents == FILES
    place.fill(1, 5)
    place.there.forget(JOB, 1, [4, 77])
    assert list(place.there.attempts(JOB)) == [(1, 5)]


def test_the_attempts_of_an_epoch_may_share_a_folder_which_is_none_of_theirs(place: Place) -> None:
    shared = place.there.location(JOB, 1)
    assert len({shared, place.there.location(JOB, 2), place.there.location(JOB, 1, 3)}) == 3
    place.write(1, None, "query/metadata", b'{"id":"7f"}')
    place.write(1, None, "query/offsets/0", b'v1\n{}\n{"logs":{"0":7}}')
    assert place.there.progress(shared) == [QueryProgress("query", 0, -1, {"logs": {0: 7}}, None, 0, "7f")]
    assert list(place.there.attempts(JOB)) == []


def test_before_the_first_query_there_is_no_progress(place: Place) -> None:
    assert list(place.there.progress(place.there.location(JOB, 1))) == []


# what only a disk does


def test_a_copy_that_was_cut_short_is_not_read_and_is_made_again(stored: Place) -> None:
    cut: Any = {**FILES, "offsets/11": None}  # what cannot be written ends the copy in its middle
    with pytest.raises(TypeError):
        stored.there.put(JOB, 1, 4, cut)
    assert list(stored.there.attempts(JOB)) == [(1, 4)], "its number is used"
    torn = stored.there.read(JOB, 1, 4)
    assert torn.exists and torn.contents == {} and torn.sizes["attempt-4.copying/offsets/10"] == len(FILES["offsets/10"])
    stored.there.put(JOB, 1, 4, FILES)
    assert stored.there.read(JOB, 1, 4).contents == FILES
    assert stored.there.read(JOB, 1, 4).sizes.keys() == FILES.keys()


def test_a_copy_that_was_cut_short_is_forgotten(stored: Place) -> None:
    cut: Any = {**FILES, "offsets/11": None}
    with pytest.raises(TypeError):
        stored.there.put(JOB, 1, 4, cut)
    stored.there.forget(JOB, 1, [4])
    assert list(stored.there.attempts(JOB)) == [] and not stored.there.read(JOB, 1, 4).exists


def test_a_file_that_is_replaced_is_read_as_it_is_now_and_dated(stored: Place) -> None:
    before = time.time() - 60
    stored.write(1, None, "offsets/0", b'v1\n{}\n{"logs":{"0":7}}')
    for end in (b"v1\n", b"v1\n{}"):
        stored.write(1, None, "commits/0", end)
    (found,) = stored.there.progress(stored.there.location(JOB, 1))
    assert (found.committed, found.committed_ends) == (0, {"logs": {0: 7}})
    assert before < found.committed_at / 1000 < time.time() + 60


def test_doctor_tries_the_store_and_leaves_nothing(stored: Place) -> None:
    stored.there.try_out()
    stored.fill(1, 3)
    assert list(stored.there.attempts(JOB)) == [(1, 3)]


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    folders = CheckpointFolders(str(tmp_path))
    folders.put(JOB, 1, 4, FILES)
    bad = tmp_path / JOB / "epoch-1" / "attempt-4" / "offsets" / "11"
    bad.unlink()
    bad.symlink_to("11")  # reads as a file in a loop, for root too
    folder = folders.read(JOB, 1, 4)
    assert "offsets/11" not in folder.contents and folder.numbered("offsets").keys() == {9, 10}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read and write everything")
def test_a_folder_that_is_closed_says_so(tmp_path: Path) -> None:
    folders = CheckpointFolders(str(tmp_path))
    folders.put(JOB, 1, 4, FILES)
    folder = tmp_path / JOB / "epoch-1" / "attempt-4"
    folder.chmod(0o500)
    try:
        assert folders.read(JOB, 1, 4).writable is False
        folder.chmod(0)
    finally:
        folder.chmod(0o700)


def test_a_place_that_is_no_folder_is_told_with_its_name(tmp_path: Path) -> None:
    (tmp_path / JOB).write_text("a file where a folder should be")
    folders = CheckpointFolders(str(tmp_path))
    for ask in (lambda: folders.attempts(JOB), lambda: folders.put(JOB, 1, 4, FILES)):
        with pytest.raises(NotRunning, match=f"The checkpoints at file://{tmp_path} cannot be read or written"):
            ask()
