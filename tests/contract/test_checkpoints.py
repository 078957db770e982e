"""What every place for checkpoints promises: one suite for the one in memory and for folders."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests import state_files as made
from tests.stores.servers import EACH, EACH_AT_LENGTH, FileStore
from weir.cluster import folder_copies
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
STATE = {  # of batches 0 to 11: a join with a heap store per side, and an aggregation in RocksDB; what batch 12 wrote is not all there
    **FILES,
    "state/0/_metadata/metadata": made.metadata({"left": 2, "right": 2}),
    "state/1/_metadata/metadata": made.metadata({"default": 1}),
    "state/0/0/left/_metadata/schema": made.schema(),
    **{f"state/0/{p}/{side}/{n}.delta": made.lz4(b"%d" % n) for p in range(2) for side in ("left", "right") for n in range(9, 13)},
    **{f"state/0/{p}/{side}/10.snapshot": made.lz4(b"all") for p in range(2) for side in ("left", "right")},
    **{f"state/1/0/{n}.changelog": made.lz4(b"%d" % n) for n in range(8, 12)},
    "state/1/0/9.zip": made.rocksdb({"3.sst": 4}),
    "state/1/0/8.zip": made.rocksdb({"1.sst": 2}),
    "state/1/0/SSTs/1.sst": b"12",
    "state/1/0/SSTs/3.sst": b"1234",
    "state/1/0/.12.changelog.tmp": b"LZ4B",
}
TAKEN = {
    "state/0/_metadata/metadata",
    "state/1/_metadata/metadata",
    "state/0/0/left/_metadata/schema",
    *(f"state/0/{p}/{side}/{name}" for p in range(2) for side in ("left", "right") for name in ("10.snapshot", "11.delta")),
    *(f"state/1/0/{name}" for name in ("9.zip", "10.changelog", "11.changelog", "SSTs/3.sst")),
}
Write = Callable[[int, int | None, str, bytes], None]


class Place:
    """Checkpoints, and a way to write a file into them as a driver would."""

    def __init__(self, there: Any, write: Write) -> None:
        self.there, self.write = there, write

    def fill(self, epoch: int, attempt: int, files: Mapping[str, bytes] = FILES) -> None:
        for path, data in files.items():
            self.write(epoch, attempt, path, data)


@pytest.fixture(params=["memory", *EACH])
def place(request: pytest.FixtureRequest) -> Place:
    if request.param == "memory":
        memory = MemoryCheckpoints()

        def remember(epoch: int, attempt: int | None, path: str, data: bytes) -> None:
            memory.files.setdefault((JOB, epoch, attempt), {})[path] = data

        return Place(memory, remember)
    return in_store(request.getfixturevalue("file_stores")(request.param))


at_length = pytest.mark.parametrize("place", ["memory", *EACH_AT_LENGTH], indirect=True)


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


def test_a_copy_has_the_state_of_its_version_and_nothing_later(place: Place) -> None:
    place.fill(1, 3, STATE)
    assert place.there.copy(JOB, (1, 3), (1, 4), FILES, version=11, stateful=True) == ""
    copied = place.there.read(JOB, 1, 4)
    assert copied.contents == FILES and copied.sizes.keys() == FILES.keys() | TAKEN
    assert all(copied.sizes[path] == len(STATE[path]) for path in TAKEN if "_metadata/metadata" not in path)
    assert place.there.copy(JOB, (1, 4), (1, 5), FILES, version=11, stateful=True) == "", "the copy can be copied"
    assert place.there.read(JOB, 1, 5).sizes == copied.sizes
    place.there.forget(JOB, 1, [3, 4])
    assert place.there.copy(JOB, (1, 5), (2, 6), FILES, version=11, stateful=True) == "", "it needs nothing of the folder that it came from"
    assert place.there.read(JOB, 2, 6).sizes == copied.sizes


def test_a_copy_without_state(place: Place) -> None:
    place.fill(1, 3)
    assert place.there.copy(JOB, (1, 3), (1, 4), FILES, version=11) == ""
    assert place.there.read(JOB, 1, 4).sizes.keys() == FILES.keys()
    assert place.there.copy(JOB, (1, 3), (1, 5), FILES, version=0, stateful=True) == "", "before the first batch there is none"
    assert place.there.copy(JOB, (1, 3), (1, 6), FILES, version=11, stateful=True) == "state/ is missing or empty"
    assert list(place.there.attempts(JOB)) == [(1, 3), (1, 4), (1, 5)]


@at_length
@pytest.mark.parametrize(
    ("path", "size", "told"),
    [
        ("state/0/1/right/11.delta", 20, "state/0/1/right/11.delta is torn: it does not begin as LZ4 does"),
        ("state/0/1/right/11.delta", 0, "state/0/1/right/11.delta is torn: it is cut off after 0 bytes"),
        ("state/0/1/right/10.snapshot", 30, "state/0/1/right/10.snapshot is torn: "),
        ("state/1/0/9.zip", 40, "state/1/0/9.zip is torn: "),
        ("state/1/0/SSTs/3.sst", 3, "state/1/0/SSTs/3.sst is torn: it has 3 bytes of 4"),
        ("state/0/_metadata/metadata", 40, "state/0/_metadata/metadata is torn: "),
        ("state/0/0/left/_metadata/schema", 9, "state/0/0/left/_metadata/schema is torn: "),
    ],
)
def test_a_torn_file_of_the_state_is_named_and_nothing_is_made(place: Place, path: str, size: int, told: str) -> None:
    others = ("state/1/0/8.zip", "state/1/0/8.changelog")  # without an older snapshot that could serve
    place.fill(1, 3, {name: data for name, data in STATE.items() if name not in others} | {path: STATE[path][:size]})
    why = place.there.copy(JOB, (1, 3), (1, 4), FILES, version=11, stateful=True)
    assert why.startswith(told)
    assert list(place.there.attempts(JOB)) == [(1, 3)]


@at_length
@pytest.mark.parametrize(
    ("gone", "told"),
    [
        ("state/0/1/left/11.delta", "state/0/1/left (operator 0, partition 1) lacks a file of those that version 11 is made of"),
        ("state/1/0/SSTs/3.sst", "state/1/0/SSTs/3.sst is missing"),
        ("state/1/_metadata/metadata", "state/1/_metadata/metadata is missing: it says how many partitions the state has"),
    ],
)
def test_a_missing_file_of_the_state_is_named(place: Place, gone: str, told: str) -> None:
    others = (gone, "state/1/0/8.zip", "state/1/0/8.changelog")
    place.fill(1, 3, {path: data for path, data in STATE.items() if path not in others})
    assert place.there.copy(JOB, (1, 3), (1, 4), FILES, version=11, stateful=True) == told


@at_length
def test_state_of_another_version_is_told(place: Place) -> None:
    place.fill(1, 3, STATE)
    assert place.there.copy(JOB, (1, 3), (1, 4), FILES, version=14).startswith(
        "state/0/0/left (operator 0, partition 0) ends with version 12, and"
    )
    assert place.there.copy(JOB, (1, 3), (1, 4), FILES, version=5).startswith("state/0/0/left (operator 0, partition 0) lacks a file")


@at_length
def test_an_older_snapshot_serves_if_the_newest_is_torn(place: Place) -> None:
    place.fill(1, 3, {**STATE, "state/1/0/9.zip": b"PK"})
    assert place.there.copy(JOB, (1, 3), (1, 4), FILES, version=11, stateful=True) == ""
    assert {path for path in place.there.read(JOB, 1, 4).sizes if path.startswith("state/1/0/")} == {
        *(f"state/1/0/{name}" for name in ("8.zip", "9.changelog", "10.changelog", "11.changelog", "SSTs/1.sst"))
    }


@at_length
def test_the_lists_of_a_source_that_is_a_folder_come_along(place: Place) -> None:
    plan = b'v1\n{"batchWatermarkMs":0}\n{"logOffset":%d}'
    plans = {"metadata": b"{}", **{f"offsets/{n}": plan % (n + 4) for n in (7, 8)}, "commits/7": b"v1\n{}"}
    lists = {"sources/0/9.compact": made.listed(9, *range(9)), **{f"sources/0/{n}": made.listed(n) for n in (8, 10, 11, 12, 13)}}
    place.fill(1, 3, {**plans, **lists})
    assert place.there.copy(JOB, (1, 3), (1, 4), plans, version=8) == ""
    assert place.there.read(JOB, 1, 4).sizes.keys() == plans.keys() | {f"sources/0/{n}" for n in ("9.compact", 10, 11, 12)}
    place.write(1, 3, "sources/0/11", made.listed(11)[:-1])
    assert (
        place.there.copy(JOB, (1, 3), (1, 5), plans, version=8)
        == f"sources/0/11 is torn: it is cut off after {len(made.listed(11)) - 1} bytes"
    )
    later = {**plans, "offsets/9": plan % 14}
    place.write(1, 3, "sources/0/11", made.listed(11))
    assert place.there.copy(JOB, (1, 3), (1, 5), later, version=9) == "sources/0/14 is missing: it lists files that the job has read"


# what only a disk does


def test_checksums_come_along_and_are_compared(tmp_path: Path) -> None:
    """Hadoop's LocalFileSystem has checksums in a hidden file beside each, which Spark compares as it reads."""
    place, path = in_store(FileStore("folder", tmp_path.as_uri())), "state/1/0/SSTs/3.sst"
    sums = {
        "state/1/0/SSTs/.3.sst.crc": made.checksums(STATE[path]),
        "state/1/0/.11.changelog.crc": made.checksums(STATE["state/1/0/11.changelog"]),
    }
    place.fill(1, 3, {**STATE, **sums})
    assert place.there.copy(JOB, (1, 3), (1, 4), FILES, version=11) == ""
    assert place.there.read(JOB, 1, 4).sizes.keys() == FILES.keys() | TAKEN | sums.keys()
    place.fill(1, 5, {name: data for name, data in {**STATE, **sums, path: b"1235"}.items() if name != "state/1/0/8.zip"})
    why = place.there.copy(JOB, (1, 5), (1, 6), FILES, version=11)
    assert why == f"{path} is torn: it does not match its checksums between byte 0 and 4"


def test_a_large_file_is_copied_in_parts(stored: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weir.cluster.webhdfs.PART", 1024)
    large = made.lz4(os.urandom(5000))
    stored.fill(1, 3, {**STATE, "state/0/1/left/11.delta": large})
    assert stored.there.copy(JOB, (1, 3), (1, 4), FILES, version=11) == ""
    assert stored.there.copy(JOB, (1, 4), (1, 5), FILES, version=11) == "", "each file of the copy is whole"
    assert stored.there.read(JOB, 1, 5).sizes["state/0/1/left/11.delta"] == len(large)


def test_files_that_a_driver_deletes_meanwhile(stored: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    stored.fill(1, 3, STATE)
    real, gone = folder_copies.copy_files, iter([True, True, False, True, True, True])

    def copy_files(*args: Any) -> None:
        if next(gone):
            raise FileNotFoundError
        real(*args)

    monkeypatch.setattr(folder_copies, "copy_files", copy_files)
    assert stored.there.copy(JOB, (1, 3), (1, 4), FILES, version=11) == "", "it is listed again"
    with pytest.raises(NotRunning, match="changes while it is copied"):
        stored.there.copy(JOB, (1, 3), (1, 5), FILES, version=11)
    assert stored.there.read(JOB, 1, 5).contents == {}, "no folder that looks whole"


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
