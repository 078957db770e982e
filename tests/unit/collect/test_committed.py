"""What followed files have that Kafka has not committed, by the positions that were read."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from spark_jobs.runtime.kafka_address import KafkaAddress
from tests.parts import until
from weir.collect import committed as committed_module
from weir.collect.committed import CommittedPositions, Left, bytes_left
from weir.collect.counters import Counters
from weir.ingest.position import Mark, Place, Position, digest

NOW = 1_800_000_000.0
NOWHERE = KafkaAddress("127.0.0.1:1")


def position(file: Path, offset: int, lines: int = 1, commit: int = 1, inode: int = 0) -> Position:
    found, text = file.stat(), file.read_bytes().removeprefix(b"\xef\xbb\xbf")
    mark = Mark(str(file), found.st_dev, inode or found.st_ino, found.st_mtime_ns, offset, 4, digest(text[:4]))
    return Position(str(file), "web", "logs", "id", "run", commit, lines, lines, place=Place((mark,)))


def test_bytes_that_are_not_committed(tmp_path: Path) -> None:
    file = tmp_path / "a.log"
    file.write_bytes(b"012345678\n")
    sent = position(file, 4)
    assert bytes_left(None, str(file)) == 10
    assert bytes_left(sent, str(file)) == 6
    assert bytes_left(position(file, 4, inode=1), str(file)) == 10, "a position of the file before it"
    with file.open("ab") as more:
        more.write(b"unfinished")
    assert bytes_left(replace(sent, place=position(file, 10).place), str(file)) == 0, "an unfinished line is not sent yet"
    assert bytes_left(None, str(tmp_path / "gone")) == 0


def test_a_file_that_was_cut_off_waits_as_a_whole(tmp_path: Path) -> None:
    file = tmp_path / "a.log"
    file.write_bytes(b"0123456789\n" * 10)
    sent = position(file, 110)
    with file.open("rb+") as same:
        same.truncate(22)
    assert bytes_left(sent, str(file)) == 22
    with file.open("rb+") as same:
        same.write(b"other lines\n" * 20)
    assert bytes_left(sent, str(file)) == 240, "its beginning differs"


def test_what_cannot_be_told_is_unknown(tmp_path: Path) -> None:
    file, other = tmp_path / "a.log", tmp_path / "b.log"
    file.write_bytes(b"\xef\xbb\xbfline\n")
    assert bytes_left(position(file, 5), str(file)) == 0, "the byte order mark is no text"
    for beginning in ("line\n".encode("utf-16"), b"\x1f\x8b\x08\x00"):
        file.write_bytes(beginning)
        assert bytes_left(None, str(file)) is None
    assert bytes_left(None, str(tmp_path)) is None, "a folder in its place"
    other.write_bytes(b"line\n")
    committed = CommittedPositions(NOWHERE, lambda: {str(file): "a", str(other): "b"}, Counters(reached=True))
    assert committed.left(NOW) == Left(None, 0)
    assert committed.left(NOW + 9) == Left(None, 9), "that the other one waits is known"


def test_nothing_is_known_before_kafka_has_answered(tmp_path: Path) -> None:
    seen = Counters()
    committed = CommittedPositions(NOWHERE, dict, seen)
    assert committed.left(NOW) == Left(None, None)
    seen.reached = True
    assert committed.left(NOW) == Left(0, 0)


def test_a_kafka_that_is_away_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(committed_module, "AGAIN_S", 0.5)
    seen, stopping = Counters(), threading.Event()
    running = threading.Thread(target=CommittedPositions(NOWHERE, dict, seen).run, args=(stopping,))
    running.start()
    try:
        until(lambda: seen.trouble, "the trouble is that Kafka does not answer", 120)
        assert "127.0.0.1:1" in seen.trouble and not seen.reached
    finally:
        stopping.set()
        running.join(60)


def test_a_file_waits_since_its_last_commit(tmp_path: Path) -> None:
    first, other = tmp_path / "a.log", tmp_path / "b.log"
    for file in (first, other):
        file.write_bytes(b"012345678\n")
    seen = Counters(reached=True)
    committed = CommittedPositions(NOWHERE, lambda: {str(first): "a", str(other): "b"}, seen)
    assert committed.left(NOW) == Left(20, 0)
    assert committed.left(NOW + 30) == Left(20, 30)
    committed.take("a", position(first, 5, lines=2).dump())
    assert committed.left(NOW + 40) == Left(15, 40), "the other one waits since the start"
    committed.take("b", position(other, 10, lines=3).dump())
    assert committed.left(NOW + 50) == Left(5, 10), "the first one had a commit ten seconds ago"
    committed.take("a", position(first, 10, lines=4, commit=2).dump())
    assert committed.left(NOW + 60) == Left(0, 0)
    assert seen.forwarded == 7 and seen.committed_at


def test_records_of_others_are_not_counted(tmp_path: Path) -> None:
    """Other collectors keep the places of their spools in the topic."""
    file, seen = tmp_path / "a.log", Counters(reached=True)
    file.write_bytes(b"012345678\n")
    committed = CommittedPositions(NOWHERE, lambda: {str(file): "a"}, seen)
    committed.take("spool", b'{"format": 1, "segment": 3}')
    committed.take("other", position(file, 10, lines=9).dump())
    assert (seen.forwarded, seen.committed_at) == (0, None)


def test_what_was_committed_before_the_start_is_not_counted(tmp_path: Path) -> None:
    file, seen = tmp_path / "a.log", Counters()
    file.write_bytes(b"012345678\n")
    committed = CommittedPositions(NOWHERE, lambda: {str(file): "a"}, seen)
    committed.take("a", position(file, 5, lines=2).dump())
    seen.reached = True
    committed.take("a", position(file, 10, lines=3, commit=2).dump())
    assert seen.forwarded == 1
