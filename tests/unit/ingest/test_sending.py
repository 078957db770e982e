"""Lines as they are sent, refused and counted; a producer in memory stands for Kafka."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.ingest.fakes import Given, Producer
from weir.errors import NotRunning
from weir.ingest import RUN, Interrupted, Sender


def sender(producer: Producer, partitions: int = 1, **more: object) -> Sender:
    return Sender(producer, "logs", list(range(partitions)), b"web", **more)  # type: ignore[arg-type]


def test_every_line_is_sent_with_its_service() -> None:
    producer = Producer()
    sent = sender(producer).send(Given([b"a", b"", b"b"]))
    assert producer.sent == [(b"web", b"a", 0), (b"web", b"", 0), (b"web", b"b", 0)]
    assert (sent.lines, sent.acknowledged, sent.complete) == (3, 3, True)


def test_all_partitions_are_used_in_turn() -> None:
    producer = Producer()
    sender(producer, partitions=3).send(Given([b"a"] * (3 * RUN + 1)))
    assert [p for _, _, p in producer.sent] == [0] * RUN + [1] * RUN + [2] * RUN + [0]


def test_refused_lines_are_numbered_and_counted() -> None:
    sent = sender(Producer()).send(Given([None, b"a", None]))
    assert (sent.refused, sent.refused_lines, sent.acknowledged, sent.complete) == ([1, 3], 2, 1, False)


def test_a_full_queue_waits() -> None:
    sent = sender(Producer(room=2)).send(Given([b"a"] * 10))
    assert sent.acknowledged == 10


def test_lines_that_were_not_acknowledged_are_told() -> None:
    sent = sender(Producer(fails=(b"b",))).send(Given([b"a", b"b", b"c"]))
    assert (sent.failed, sent.acknowledged, sent.complete) == (1, 2, False)


def test_a_producer_that_gives_up() -> None:
    producer = Producer()
    producer.dead = True
    with pytest.raises(NotRunning, match=r"accepts no more lines \(0 so far\)"):
        sender(producer).send(Given([b"a"]))


def test_an_interruption_says_what_was_acknowledged() -> None:
    def interrupted() -> Iterator[bytes]:
        yield b"a"
        yield b"b"
        raise KeyboardInterrupt

    with pytest.raises(Interrupted, match="2 lines were acknowledged"):
        sender(Producer()).send(Given(interrupted()))


def test_progress_is_told() -> None:
    told: list[tuple[int, int]] = []
    sender(Producer(), progress=lambda n, size: told.append((n, size))).send(Given([b"abc"] * (RUN + 1)))
    assert told == [(RUN, 4 * RUN - 4), (RUN + 1, 4 * RUN + 4)]


def test_the_rate_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("weir.ingest.sending.time.monotonic", lambda: now[0])
    producer = Producer()
    poll = producer.poll

    def waits(timeout: float) -> int:
        now[0] += timeout
        return poll(timeout)

    monkeypatch.setattr(producer, "poll", waits)
    sender(producer, rate=100).send(Given([b"a"] * 200))
    assert now[0] == pytest.approx(2.0, abs=0.05)
