"""A file that is followed through growth, rotation, truncation and restarts, with real files."""

from __future__ import annotations

import bz2
import gzip
import os
import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from tests.unit.ingest.fakes import Kafka
from weir.errors import UnreadableInput
from weir.ingest import exact
from weir.ingest.exact import ExactSender
from weir.ingest.following import QUIET_S, Tail
from weir.ingest.position import Position
from weir.ingest.reading import opened
from weir.ingest.run import Asked, first_text
from weir.ingest.starting import resumed
from weir.ingest.writers import has_writer

NAME = "weir-ingest-x"
NOW = [1000.0]  # monotonic time, in s


class Killed(BaseException):
    """Stands for kill -9."""


class Turns:
    """What happens to the file each time that all was read; after that, the run is killed."""

    def __init__(self, *turns: Callable[[], object]) -> None:
        self._turns: Iterator[Callable[[], object]] = iter(turns)
        self.idle = 0

    def monotonic(self) -> float:
        return NOW[0]

    def sleep(self, seconds: float) -> None:
        turn = next(self._turns, None)
        if turn is None:
            self.idle += 1
            if self.idle > 3:
                raise Killed
        else:
            turn()


def follow(kafka: Kafka, path: Path, monkeypatch: pytest.MonkeyPatch, *turns: Callable[[], object]) -> list[str]:
    """Follow as `weir ingest --follow` does, going on where an earlier run ended. Return what was said."""
    said: list[str] = []
    monkeypatch.setattr("weir.ingest.following.time", Turns(*turns))  # of that module alone: others wait for Kafka
    found, new = kafka.read(NAME), Position(str(path), "web", "logs", "topic-1", os.urandom(4).hex())
    text = first_text(Asked(path, "web", "logs", follow=True))
    texts = [text] if text else []
    if found:
        texts, new = resumed(found, path, said.append), replace(new, lines=found.lines, seen=found.seen, place=found.place)
    sender = ExactSender(partial(kafka.connect, NAME), kafka, NAME, new, [0], None)  # type: ignore[arg-type]
    with pytest.raises(Killed):
        sender.send_once(Tail(path, texts, said.append, before=new.place), found)
    return said


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "a.log"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exact, "AGAIN_S", 0.0)


def add(path: Path, text: bytes) -> None:
    with path.open("ab") as file:
        file.write(text)


def test_a_file_that_grows_is_cut_and_is_replaced(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kafka = Kafka()
    log.write_bytes(b"one\ntw")
    said = follow(
        kafka, log, monkeypatch,
        lambda: add(log, b"o\n"), lambda: os.truncate(log, 0), lambda: add(log, b"three\n"), log.unlink, lambda: log.write_bytes(b"four\n"),
    )  # fmt: skip
    assert kafka.values() == [b"one", b"two", b"three", b"four"]
    assert said == [f"{log} was truncated; reading it from its beginning.", f"{log} is not there; waiting for it."]


def test_half_a_line_of_a_renamed_file_is_a_line_of_its_own(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kafka = Kafka()
    log.write_bytes(b"one\ntwo, whose newline never came")

    def rotate() -> None:
        log.rename(f"{log}.1")
        log.write_bytes(b"three\n")

    follow(kafka, log, monkeypatch, rotate)
    assert sorted(kafka.values()) == [b"one", b"three", b"two, whose newline never came"]


def test_a_renamed_file_is_read_as_long_as_somebody_writes_to_it(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kafka, writer = Kafka(), log.open("ab", buffering=0)
    writer.write(b"one\nha")

    def rotate() -> None:
        log.rename(f"{log}.1")
        log.write_bytes(b"")

    turns = [lambda: None] * 5
    follow(
        kafka, log, monkeypatch,
        rotate, *turns, lambda: writer.write(b"lf\n"), *turns, lambda: writer.write(b"three\nthe last"), *turns, writer.close,
        lambda: add(log, b"four\n"),
    )  # fmt: skip
    assert sorted(kafka.values()) == [b"four", b"half", b"one", b"the last", b"three"]


@pytest.mark.parametrize("writer", [None, True])
def test_where_nobody_knows_who_writes_a_quiet_file_is_over(log: Path, monkeypatch: pytest.MonkeyPatch, writer: bool | None) -> None:
    kafka = Kafka()
    monkeypatch.setattr("weir.ingest.following.has_writer", lambda handle: writer)
    log.write_bytes(b"one\nhalf")

    def rotate() -> None:
        log.rename(f"{log}.1")
        log.write_bytes(b"")

    def later() -> None:
        NOW[0] += QUIET_S * 0.7

    follow(kafka, log, monkeypatch, rotate, later, lambda: add(Path(f"{log}.1"), b" a line\n"), later, later)
    assert kafka.values() == [b"one", b"half a line"]
    follow(kafka, log, monkeypatch, *[later] * 30, lambda: add(Path(f"{log}.1"), b"when it is over\n"))
    assert kafka.values() == [b"one", b"half a line"]


def test_half_a_line_of_a_truncated_file_is_a_line_of_its_own(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kafka = Kafka()
    log.write_bytes(b"one\ntwo, cut")
    follow(kafka, log, monkeypatch, lambda: os.truncate(log, 0), lambda: add(log, b"three\n"))
    assert kafka.values() == [b"one", b"two, cut", b"three"]


def test_a_file_written_anew_beyond_its_old_size_is_noticed(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kafka = Kafka()
    log.write_bytes(b"one\nha")
    follow(kafka, log, monkeypatch, lambda: log.write_bytes(b"another text\nthat is longer\n"))
    assert kafka.values() == [b"one", b"ha", b"another text", b"that is longer"]


def test_lines_between_the_last_look_and_a_truncation_are_read_from_the_copy(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kafka = Kafka()
    log.write_bytes(b"one\ntwo, ha")

    def copytruncate() -> None:
        add(log, b"lf\nthree\n")
        shutil.copy(log, f"{log}.1")
        os.truncate(log, 0)

    follow(kafka, log, monkeypatch, copytruncate, lambda: add(log, b"four\n"))
    assert sorted(kafka.values()) == [b"four", b"one", b"three", b"two, half"]


def test_a_link_that_leads_to_the_next_file(log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kafka, first, second = Kafka(), tmp_path / "2026-01-20.log", tmp_path / "2026-01-21.log"
    first.write_bytes(b"one\n")
    log.symlink_to(first)

    def switch() -> None:
        add(first, b"two\n")
        second.write_bytes(b"three\n")
        (tmp_path / "new").symlink_to(second)
        (tmp_path / "new").rename(log)

    follow(kafka, log, monkeypatch, switch)
    assert sorted(kafka.values()) == [b"one", b"three", b"two"]
    follow(kafka, log, monkeypatch, lambda: add(second, b"four\n"))
    assert sorted(kafka.values()) == [b"four", b"one", b"three", b"two"]


def test_a_file_that_is_not_there_yet_is_waited_for(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kafka = Kafka()
    said = follow(kafka, log, monkeypatch, lambda: None, lambda: log.write_bytes(b"one\n"))
    assert kafka.values() == [b"one"] and said == [f"{log} is not there; waiting for it."]


def test_a_file_that_may_not_be_read_is_waited_for(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As root may read every file, a folder stands for it."""
    kafka = Kafka()
    log.write_bytes(b"one\n")

    def rotate() -> None:
        log.rename(f"{log}.1")
        log.mkdir()

    said = follow(kafka, log, monkeypatch, rotate, lambda: None, log.rmdir, lambda: log.write_bytes(b"two\n"))
    assert kafka.values() == [b"one", b"two"]
    assert said[0] == f"WEIR-107: {log} cannot be read: Is a directory. Waiting until it can be read."


def test_a_file_with_a_mark_and_a_wide_one_after_a_rotation(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kafka = Kafka()
    log.write_bytes(b"\xef\xbb\xbfone\n")

    def rotate() -> None:
        log.rename(f"{log}.1")
        log.write_bytes("zwei\r\ndr".encode("utf-16"))

    follow(kafka, log, monkeypatch, rotate, lambda: add(log, "ei\r\n".encode("utf-16-le")))
    assert kafka.values() == [b"one", b"zwei", b"drei"]
    follow(kafka, log, monkeypatch, lambda: add(log, "vier\r\n".encode("utf-16-le")))
    assert kafka.values() == [b"one", b"zwei", b"drei", b"vier"]


def _renamed(log: Path) -> None:
    log.rename(f"{log}.1")


def _copied(log: Path) -> None:
    shutil.copy2(log, f"{log}.1")
    log.unlink()


def _packed(log: Path) -> None:
    Path(f"{log}.1.gz").write_bytes(gzip.compress(log.read_bytes()))
    log.unlink()


def _dated(log: Path) -> None:
    log.with_name("a-20260120.log.bz2").write_bytes(bz2.compress(log.read_bytes()))
    log.unlink()


def _truncated(log: Path) -> None:
    shutil.copy2(log, f"{log}.1")
    os.truncate(log, 0)


@pytest.mark.parametrize("rotate", [_renamed, _copied, _packed, _dated, _truncated])
def test_a_rotation_while_nobody_follows(log: Path, monkeypatch: pytest.MonkeyPatch, rotate: Callable[[Path], None]) -> None:
    kafka = Kafka()
    log.write_bytes(b"one\ntwo, ha")
    follow(kafka, log, monkeypatch)
    add(log, b"lf\nthree\n")
    rotate(log)
    add(log, b"four, which is long enough\n")
    said = follow(kafka, log, monkeypatch, lambda: add(log, b"five\n"))
    assert sorted(kafka.values()) == [b"five", b"four, which is long enough", b"one", b"three", b"two, half"]
    assert said[0].startswith("Continuing after 1 lines that were sent before. First the rest of:")
    follow(kafka, log, monkeypatch, lambda: add(log, b"six\n"))
    assert len(kafka.values()) == 6


def test_several_rotations_while_nobody_follows(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kafka = Kafka()
    log.write_bytes(b"one\n")
    follow(kafka, log, monkeypatch)
    add(log, b"two\n")
    log.rename(f"{log}.2")
    Path(f"{log}.1").write_bytes(b"three\n")
    os.utime(f"{log}.1", ns=(0, 2 * 10**18))
    Path(f"{log}.bak").write_bytes(b"a copy by hand\n")
    log.write_bytes(b"four\n")
    follow(kafka, log, monkeypatch)
    assert sorted(kafka.values()) == [b"four", b"one", b"three", b"two"]


def test_a_file_that_is_gone_is_told(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kafka = Kafka()
    log.write_bytes(b"one\n")
    follow(kafka, log, monkeypatch)
    log.write_bytes(b"quite another text\n")
    said = follow(kafka, log, monkeypatch)
    assert kafka.values() == [b"one", b"quite another text"]
    assert said[0] == f"{log} was sent up to byte 4 and cannot be found any more: any lines after that are not sent."


def test_binary_that_takes_the_name_ends_the_run(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kafka = Kafka()
    log.write_bytes(b"one\n")

    def rotate() -> None:
        log.rename(f"{log}.1")
        log.write_bytes(b"\x89PNG\r\n" + bytes(range(256)) * 4)

    with pytest.raises(UnreadableInput, match="PNG"):
        monkeypatch.setattr("weir.ingest.following.time", Turns(rotate))
        sender = ExactSender(partial(kafka.connect, NAME), kafka, NAME, Position("", "web", "logs", "", "r"), [0], None)  # type: ignore[arg-type]
        sender.send_once(Tail(log, [opened(log)], lambda said: None), None)
    assert kafka.values() == [b"one"]


class World:
    """Somebody who writes numbered lines, in pieces, and rotates the file in every way; and a Kafka with trouble."""

    def __init__(self, log: Path, seed: int) -> None:
        self.log, self.chance, self.n = log, random.Random(seed), 0
        self.open()

    def open(self) -> None:
        self.writer = self.log.open("ab", buffering=0)

    def act(self) -> None:
        """A truncation is the first thing after a look: what is written and truncated before anybody sees it is lost."""
        chance = self.chance
        if chance.random() < 0.2:
            self.copytruncate()
        for _ in range(chance.randrange(1, 5)):
            self.write(chance.randrange(1, 30))
            if chance.random() < 0.3:
                chance.choice([self.rename, self.rename_late, self.pack])()

    def write(self, lines: int) -> None:
        for _ in range(lines):
            line = b"%d " % self.n + b"x" * self.chance.randrange(60) + b"\n"
            self.writer.write(line)
            self.n += 1
        os.utime(self.writer.fileno(), ns=(0, 4 * 10**18 + self.n))  # the file system's clock has steps of milliseconds

    def rename(self) -> None:
        self._shift()
        self.log.rename(f"{self.log}.1")
        self.writer.close()
        self.open()

    def rename_late(self) -> None:
        self._shift()
        self.log.rename(f"{self.log}.1")
        self.write(3)
        self.writer.close()
        self.open()

    def copytruncate(self) -> None:
        self._shift()
        shutil.copy2(self.log, f"{self.log}.1")
        os.truncate(self.log, 0)

    def pack(self) -> None:
        old = Path(f"{self.log}.2")
        if old.exists():
            Path(f"{old}.gz").write_bytes(gzip.compress(old.read_bytes()))
            shutil.copystat(old, f"{old}.gz")
            old.unlink()

    def _shift(self) -> None:
        for k in range(60, 0, -1):
            for suffix in ("", ".gz"):
                if (old := Path(f"{self.log}.{k}{suffix}")).exists():
                    old.rename(f"{self.log}.{k + 1}{suffix}")


@pytest.mark.parametrize("seed", range(6))
def test_each_line_once_through_rotations_kills_and_outages(log: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    monkeypatch.setattr(exact, "COMMIT_S", -1.0)
    world, kafka = World(log, seed), Kafka()
    follow(kafka, log, monkeypatch)  # from here on, there is a position

    def trouble(step: str) -> str:
        if world.chance.random() < (0.002 if step == "produce" else 0.1):
            if world.chance.random() < 0.3:
                raise Killed
            return world.chance.choice(["lost", "unheard"])
        return ""

    kafka.trouble = trouble
    for _ in range(6):
        follow(kafka, log, monkeypatch, *[world.act] * world.chance.randrange(1, 6))
    kafka.trouble = lambda step: ""
    follow(kafka, log, monkeypatch)
    assert sorted(int(line.split()[0]) for line in kafka.values()) == list(range(world.n))


def test_who_writes_is_known_to_the_kernel(log: Path) -> None:
    log.write_bytes(b"")
    with log.open("rb") as reader:
        if has_writer(reader.fileno()) is None:
            pytest.skip("the kernel does not say")
        assert has_writer(reader.fileno()) is False
        with log.open("ab"):
            assert has_writer(reader.fileno()) is True
        assert has_writer(reader.fileno()) is False
