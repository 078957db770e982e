"""Lines as they are cut, sent, refused and counted; a producer in memory stands for Kafka."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import KafkaError, KafkaException
from hypothesis import given
from hypothesis import strategies as st

from weir.errors import BadInput, NotRunning
from weir.ingest import MAX_LINE, RUN, Interrupted, Sender, lines
from weir.ingest.following import followed
from weir.ingest.reading import opened


class Producer:
    """Takes `room` messages before it is full; acknowledges on poll and flush, except those whose value is in `fails`."""

    def __init__(self, room: int = 10**9, fails: tuple[bytes, ...] = ()) -> None:
        self.room, self.fails = room, fails
        self.waiting: list[tuple[bytes, Callable[..., None]]] = []
        self.sent: list[tuple[bytes, bytes, int]] = []
        self.dead = False

    def produce(self, topic: str, value: bytes, key: bytes, partition: int, on_delivery: Callable[..., None]) -> None:
        if self.dead:
            raise KafkaException(KafkaError(KafkaError._FATAL))
        if len(self.waiting) >= self.room:
            raise BufferError
        self.waiting.append((value, on_delivery))
        self.sent.append((key, value, partition))

    def poll(self, timeout: float) -> int:
        for value, told in self.waiting:
            if value in self.fails:
                told("timed out", None)
        self.waiting.clear()
        return 0

    def flush(self, timeout: float) -> int:
        return Producer.poll(self, timeout)


def sender(producer: Producer, partitions: int = 1, **more: object) -> Sender:
    return Sender(producer, "logs", list(range(partitions)), b"web", **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"", []),
        (b"\n", [b""]),
        (b"a\nb", [b"a", b"b"]),
        (b"a\r\nb\r\r\n\r\n", [b"a", b"b\r", b""]),
        (b"a\rb\x0b\x0c\x85\n", [b"a\rb\x0b\x0c\x85"]),
        (b"last\r", [b"last\r"]),
    ],
)
def test_lines_end_at_lf_only(text: bytes, expected: list[bytes]) -> None:
    assert list(lines(iter([text]))) == expected


@given(st.lists(st.binary(max_size=30)), st.data())
def test_how_the_bytes_arrive_does_not_matter(parts: list[bytes], data: st.DataObject) -> None:
    text = b"\n".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)))))
    chunks = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert list(lines(iter(chunks))) == list(lines(iter([text])))


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("size", [1, 4096, 10**7])
def test_a_line_of_exactly_1_mib_is_sent_and_a_longer_one_refused(end: bytes, size: int) -> None:
    text = b"x" * MAX_LINE + end + b"y" * (MAX_LINE + 1) + end + b"z" * 3 * MAX_LINE + end + b"last"
    size = max(size, 64)
    chunks = (text[i : i + size] for i in range(0, len(text), size))
    assert [None if line is None else len(line) for line in lines(chunks)] == [MAX_LINE, None, None, 4]


def test_an_endless_line_is_not_kept() -> None:
    kept = 0

    def chunks() -> Iterator[bytes]:
        for _ in range(200):
            yield b"x" * MAX_LINE

    for line in lines(chunks()):
        kept += len(line or b"")
    assert kept == 0


def test_every_line_is_sent_with_its_service() -> None:
    producer = Producer()
    sent = sender(producer).send(iter([b"a", b"", b"b"]))
    assert producer.sent == [(b"web", b"a", 0), (b"web", b"", 0), (b"web", b"b", 0)]
    assert (sent.lines, sent.acknowledged, sent.complete) == (3, 3, True)


def test_all_partitions_are_used_in_turn() -> None:
    producer = Producer()
    sender(producer, partitions=3).send(iter([b"a"] * (3 * RUN + 1)))
    assert [p for _, _, p in producer.sent] == [0] * RUN + [1] * RUN + [2] * RUN + [0]


def test_refused_lines_are_numbered_and_counted() -> None:
    sent = sender(Producer()).send(iter([None, b"a", None]))
    assert (sent.refused, sent.refused_lines, sent.acknowledged, sent.complete) == ([1, 3], 2, 1, False)


def test_a_full_queue_waits() -> None:
    sent = sender(Producer(room=2)).send(iter([b"a"] * 10))
    assert sent.acknowledged == 10


def test_lines_that_were_not_acknowledged_are_told() -> None:
    sent = sender(Producer(fails=(b"b",))).send(iter([b"a", b"b", b"c"]))
    assert (sent.failed, sent.acknowledged, sent.complete) == (1, 2, False)


def test_a_producer_that_gives_up() -> None:
    producer = Producer()
    producer.dead = True
    with pytest.raises(NotRunning, match="takes no more lines after 0"):
        sender(producer).send(iter([b"a"]))


def test_an_interruption_says_what_was_acknowledged() -> None:
    def interrupted() -> Iterator[bytes]:
        yield b"a"
        yield b"b"
        raise KeyboardInterrupt

    with pytest.raises(Interrupted, match="2 lines were acknowledged"):
        sender(Producer()).send(interrupted())


def test_progress_is_told() -> None:
    told: list[tuple[int, int]] = []
    sender(Producer(), progress=lambda n, size: told.append((n, size))).send(iter([b"abc"] * (RUN + 1)))
    assert told == [(RUN, 4 * RUN), (RUN + 1, 4 * RUN + 4)]


def test_the_rate_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("weir.ingest.sending.time.monotonic", lambda: now[0])
    producer = Producer()
    poll = producer.poll

    def waits(timeout: float) -> int:
        now[0] += timeout
        return poll(timeout)

    monkeypatch.setattr(producer, "poll", waits)
    sender(producer, rate=100).send(iter([b"a"] * 200))
    assert now[0] == pytest.approx(2.0, abs=0.05)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(BadInput, match="cannot be read"):
            opened(path, follow=False)


def test_following_a_file_that_grows_is_cut_and_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "log"
    file.write_bytes(b"one\ntw")
    turns: Iterator[Callable[[], object]] = iter(
        [
            lambda: file.open("ab").write(b"o\n"),
            lambda: os.truncate(file, 0),
            lambda: file.open("ab").write(b"three\n"),
            file.unlink,
            lambda: file.write_bytes(b"four\n"),
        ]
    )
    monkeypatch.setattr("weir.ingest.following.time.sleep", lambda _: next(turns)())
    found = lines(followed(file, os.open(file, os.O_RDONLY)))
    assert [next(found) for _ in range(4)] == [b"one", b"two", b"three", b"four"]
