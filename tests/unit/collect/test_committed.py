"""What followed files have that Kafka has not committed, by the positions that were read."""

from __future__ import annotations

from pathlib import Path

from spark_jobs.runtime.kafka_address import KafkaAddress
from weir.collect.committed import CommittedPositions, bytes_left
from weir.collect.counters import Counters
from weir.ingest.position import Mark, Place, Position

NOW = 1_800_000_000.0


def position(file: Path, offset: int, lines: int = 1, commit: int = 1, inode: int = 0) -> Position:
    found = file.stat()
    mark = Mark(str(file), found.st_dev, inode or found.st_ino, found.st_mtime_ns, offset, 0, "")
    return Position(str(file), "web", "logs", "id", "run", commit, lines, lines, place=Place((mark,)))


def test_bytes_that_are_not_committed(tmp_path: Path) -> None:
    file = tmp_path / "a.log"
    file.write_bytes(b"012345678\n")
    assert bytes_left(None, str(file)) == 10
    assert bytes_left(position(file, 4), str(file)) == 6
    assert bytes_left(position(file, 4, inode=1), str(file)) == 10, "a position of the file before it"
    assert bytes_left(position(file, 14), str(file)) == 0, "it was cut off since"
    assert bytes_left(None, str(tmp_path / "gone")) == 0
    with file.open("ab") as more:
        more.write(b"unfinished")
    assert bytes_left(position(file, 10), str(file)) == 0, "an unfinished line is not sent yet"


def test_what_cannot_be_told_is_unknown(tmp_path: Path) -> None:
    file = tmp_path / "a.log"
    file.write_bytes(b"\xef\xbb\xbfline\n")
    assert bytes_left(position(file, 5), str(file)) == 0, "the byte order mark is no text"
    for beginning in ("line\n".encode("utf-16"), b"\x1f\x8b\x08\x00"):
        file.write_bytes(beginning)
        assert bytes_left(None, str(file)) is None
    assert bytes_left(None, str(tmp_path)) is None, "a folder in its place"
    committed = CommittedPositions(KafkaAddress("127.0.0.1:1"), Counters(reached=True))
    assert committed.waiting({str(file): "a"}, NOW) is None


def test_nothing_is_known_before_kafka_has_answered(tmp_path: Path) -> None:
    seen = Counters()
    committed = CommittedPositions(KafkaAddress("127.0.0.1:1"), seen)
    assert committed.waiting({str(tmp_path): "key"}, NOW) is None
    seen.reached = True
    assert committed.waiting({}, NOW).size == 0  # type: ignore[union-attr]


def test_a_file_waits_since_its_last_commit(tmp_path: Path) -> None:
    first, other = tmp_path / "a.log", tmp_path / "b.log"
    for file in (first, other):
        file.write_bytes(b"012345678\n")
    files = {str(first): "a", str(other): "b"}
    seen = Counters(reached=True)
    committed = CommittedPositions(KafkaAddress("127.0.0.1:1"), seen)

    def waiting(later_s: float) -> tuple[int, float]:
        found = committed.waiting(files, NOW + later_s)
        assert found is not None
        return found.size, later_s + NOW - found.since / 1000

    assert waiting(0) == (20, 0)
    assert waiting(30) == (20, 30)
    committed.take("a", position(first, 5, lines=2))
    assert waiting(40) == (15, 40), "the other one waits since the start"
    committed.take("b", position(other, 10, lines=3))
    assert waiting(50) == (5, 10), "the first one had a commit ten seconds ago"
    committed.take("a", position(first, 10, lines=4, commit=2))
    assert waiting(60) == (0, 0)
    assert seen.forwarded == 7 and seen.committed_at


def test_what_was_committed_before_the_start_is_not_counted(tmp_path: Path) -> None:
    file, seen = tmp_path / "a.log", Counters()
    file.write_bytes(b"012345678\n")
    committed = CommittedPositions(KafkaAddress("127.0.0.1:1"), seen)
    committed.take("a", position(file, 5, lines=2))
    seen.reached = True
    committed.take("a", position(file, 10, lines=3, commit=2))
    assert seen.forwarded == 1
