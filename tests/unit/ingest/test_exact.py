"""Each line once, whatever happens to the run and to Kafka; a Kafka in memory stands for the real one."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from tests.unit.ingest.fakes import Kafka, error, whole
from weir.errors import BadInput, Conflict, NotRunning, UnreadableInput
from weir.ingest import exact
from weir.ingest.exact import ExactSender
from weir.ingest.following import Once
from weir.ingest.position import Position
from weir.ingest.positions import TOPIC
from weir.ingest.reading import opened
from weir.ingest.sending import Interrupted, Sent
from weir.ingest.starting import require_unsent, resumed

NAME = "weir-ingest-x"


class Killed(Exception):
    """Stands for kill -9: nothing of the run goes on."""


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exact, "AGAIN_S", 0.0)
    monkeypatch.setattr(exact, "COMMIT_S", -1.0)  # after each run of lines


@pytest.fixture
def log(tmp_path: Path) -> Path:
    (tmp_path / "a.log").write_bytes(b"".join(b"line %d\n" % n for n in range(5_500)))
    return tmp_path / "a.log"


def start(kafka: Kafka, log: Path, run: str, resume: bool = True, tell: Callable[[Sent], None] = lambda sent: None) -> Sent:
    """As `weir ingest` does it."""
    found, new = kafka.read(NAME), Position(str(log), "web", "logs", "topic-1", run)
    texts = [opened(log)]
    if resume and found:
        texts, new = resumed(found, log, lambda said: None), replace(new, lines=found.lines, seen=found.seen)
    sender = ExactSender(partial(kafka.connect, NAME), kafka, NAME, new, [0, 1], None)  # type: ignore[arg-type]
    return sender.send_once(Once(texts), found, tell)


def lines(log: Path) -> list[bytes]:
    return log.read_bytes().splitlines()


def test_lines_and_position_are_committed_together(log: Path) -> None:
    kafka = Kafka()
    sent = start(kafka, log, "first")
    assert (sent.acknowledged, sent.complete) == (5_500, True) and kafka.values() == lines(log)
    assert {(key, partition) for topic, key, _, partition in kafka.committed if topic == "logs"} == {(b"web", 0), (b"web", 1)}
    found = kafka.read(NAME)
    assert found and (found.run, found.lines, found.done) == ("first", 5_500, True)
    assert [mark.offset for mark in found.place.files] == [log.stat().st_size]
    positions = [Position.load(value).lines for topic, _, value, _ in kafka.committed if topic == TOPIC]
    assert positions == sorted(positions) and positions[0] == 0 and len(positions) > 5


def test_a_resumed_run_sends_what_was_appended_since(log: Path) -> None:
    kafka = Kafka()
    start(kafka, log, "first")
    assert start(kafka, log, "second").acknowledged == 0
    with log.open("ab") as file:
        file.write(b"more\n")
    sent = start(kafka, log, "third")
    assert (sent.before, sent.acknowledged) == (5_500, 1) and kafka.values() == lines(log)


@pytest.mark.parametrize("seed", range(10))
def test_each_line_once_through_kills_and_outages(log: Path, seed: int) -> None:
    chance, kafka = random.Random(seed), Kafka()

    def trouble(step: str) -> str:
        if chance.random() < (0.0005 if step == "produce" else 0.25):
            if chance.random() < 0.4:
                raise Killed
            return chance.choice(["lost", "unheard"])
        return ""

    kafka.trouble = trouble
    for run in range(1000):
        try:
            start(kafka, log, f"run-{run}")
            break
        except Killed:
            continue
    assert kafka.values() == lines(log)


def test_a_commit_whose_answer_was_lost_is_not_sent_again(log: Path) -> None:
    kafka, steps = Kafka(), iter(["", "unheard", "unheard"])
    kafka.trouble = lambda step: next(steps, "") if step == "commit" else ""
    assert start(kafka, log, "first").acknowledged == 5_500 and kafka.values() == lines(log)


def test_another_run_of_the_same_file_ends_this_one(log: Path) -> None:
    kafka, commits = Kafka(), []

    def trouble(step: str) -> str:
        commits.append(step)
        if commits.count("commit") == 4 and step == "commit":
            kafka.trouble = lambda step: ""
            start(kafka, log, "second")
        return ""

    kafka.trouble = trouble
    with pytest.raises(Conflict, match="Another weir ingest sends the same file as web to logs; this one ends after 2000 lines"):
        start(kafka, log, "first")
    assert kafka.values() == lines(log)


def test_an_interruption_drops_what_was_not_committed(log: Path) -> None:
    kafka, commits = Kafka(), []

    def trouble(step: str) -> str:
        commits.append(step)
        if commits.count("commit") == 3 and step == "commit":
            raise KeyboardInterrupt
        return ""

    kafka.trouble = trouble
    with pytest.raises(Interrupted, match="interrupted: 1000 lines were acknowledged"):
        start(kafka, log, "first")
    kafka.trouble = lambda step: ""
    assert start(kafka, log, "second").before == 1000 and kafka.values() == lines(log)


def test_an_interruption_in_a_commit_that_succeeded_counts_its_lines(log: Path) -> None:
    kafka, commits = Kafka(), []

    def trouble(step: str) -> str:
        commits.append(step)
        return "stop" if commits.count("commit") == 3 and step == "commit" else ""

    kafka.trouble = trouble
    step = kafka.step

    def stopped(name: str, effect: Callable[[], None]) -> None:
        step(name, effect)
        if commits.count("commit") == 3:
            raise KeyboardInterrupt

    kafka.step = stopped  # type: ignore[method-assign]
    with pytest.raises(Interrupted, match="interrupted: 2000 lines were acknowledged"):
        start(kafka, log, "first")


def test_a_kafka_that_stays_away_is_told(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exact, "OUTAGE_S", -1.0)
    kafka, commits = Kafka(), []

    def trouble(step: str) -> str:
        commits.append(step)
        return "lost" if commits.count("commit") > 2 else ""

    kafka.trouble = trouble
    with pytest.raises(NotRunning, match=r"accepts no more lines \(1000 so far\)"):
        start(kafka, log, "first")


def test_what_is_hopeless_is_not_tried_again(log: Path) -> None:
    kafka = Kafka()

    def trouble(step: str) -> str:
        raise error(29)  # TOPIC_AUTHORIZATION_FAILED

    kafka.trouble = trouble
    with pytest.raises(NotRunning):
        start(kafka, log, "first")


def test_a_run_that_could_not_say_what_it_sent_is_not_repeated_unasked(log: Path) -> None:
    kafka = Kafka()

    def tell(sent: Sent) -> None:
        raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space"):
        start(kafka, log, "first", tell=tell)
    assert kafka.values() == lines(log)
    with pytest.raises(BadInput, match=r"was interrupted sent 5500 lines .* --resume"):
        require_unsent(kafka.read(NAME), opened(log))
    assert start(kafka, log, "second").acknowledged == 0
    require_unsent(kafka.read(NAME), opened(log))  # that run ended well
    log.write_bytes(b"another file\n")
    require_unsent(replace(kafka.read(NAME), done=False), opened(log))  # type: ignore[type-var]


def test_lines_before_something_unreadable_are_sent(log: Path, tmp_path: Path) -> None:
    kafka, image = Kafka(), tmp_path / "b.log"
    image.write_bytes(b"\x89PNG\r\n" + bytes(range(256)))
    sender = ExactSender(partial(kafka.connect, NAME), kafka, NAME, Position("", "web", "logs", "", "r"), [0], None)  # type: ignore[arg-type]
    with pytest.raises(UnreadableInput, match="PNG"):
        sender.send_once(Once([opened(log), opened(image)]), None)
    assert kafka.values() == lines(log)


def test_a_truncated_archive_is_not_complete(tmp_path: Path) -> None:
    import gzip

    kafka, file = Kafka(), tmp_path / "a.gz"
    file.write_bytes(gzip.compress(b"".join(b"line %d\n" % n for n in range(100_000)))[:-5000])
    sent = start(kafka, file, "first")
    assert not sent.complete and sent.acknowledged > 50_000 and "ends in the middle" in sent.problems[0]
    assert whole(file).texts[0].problem == ""
