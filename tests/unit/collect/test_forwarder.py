"""Collector and Kafka fail at every step, and each record of the spool is in Kafka once. Kafka is a fake in memory."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path
from random import Random

import pytest
from confluent_kafka import KafkaException

from tests.unit.ingest.fakes import Kafka, Transactional
from weir.collect import forwarder
from weir.collect.counters import Counters
from weir.collect.forwarder import Forwarder
from weir.collect.identity import SpoolFolder
from weir.collect.place import Place
from weir.collect.spool.block import Block
from weir.collect.spool.disk import Folder
from weir.collect.spool.spool import Bounds, Spool, Waiting
from weir.errors import BadInput, Conflict, NotRunning, SpoolDamaged, SpoolDiffers


class Killed(Exception):
    """Stands for kill -9: nothing of the run goes on."""


class Given:
    """The Kafka in memory, as a forwarder sees it."""

    def __init__(self, kafka: Kafka, name: str) -> None:
        self._kafka, self._name = kafka, name

    def connect(self) -> Transactional:
        return self._kafka.connect(self._name)

    def place(self) -> Place | None:
        found = self._kafka.last(self._name)
        return Place.load(found) if found else None

    def partitions(self) -> list[int]:
        return [0, 1]

    def explained(self, error: KafkaException | NotRunning) -> str:
        return str(error)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forwarder, "AGAIN_S", 0.0)
    monkeypatch.setattr(forwarder, "QUIET_S", 0.0)
    monkeypatch.setattr(forwarder, "COMMIT_S", -1.0)  # after each record


class Collector:
    """One process: it opens a folder, and forwards until all was committed."""

    def __init__(self, path: Path, kafka: Kafka, topic: str = "logs") -> None:
        self.told: list[str] = []
        self.folder = SpoolFolder(path, topic, self.told.append)
        self.disk, self.kafka, self.counters = Folder(path), kafka, Counters()
        self.spool = Spool(self.disk, Bounds(10_000, 400), self.folder.identity.origin, self.told.append)
        self.stopping = threading.Event()
        given = Given(kafka, self.folder.identity.name)
        self.forwarder = Forwarder(self.spool, self.folder, given, self.counters, self.told.append, self.stopping)  # type: ignore[arg-type]

    def put(self, *values: bytes) -> None:
        self.spool.append([Block.of(b"web", values)])

    def forward(self) -> None:
        """Forward until nothing waits. As the process would, whatever the forwarder raises ends it."""
        self.spool.wait_for = self._until_empty  # type: ignore[method-assign]
        self.forwarder.run()

    def _until_empty(self, number: int, wait_s: float) -> bool:
        if self.forwarder.waiting() == Waiting(0, 0):
            self.stopping.set()
        return self.spool.end.number > number

    def end(self) -> None:
        self.disk.close()
        self.folder.close()


def lines(*numbers: int) -> list[bytes]:
    return [b"line %d" % n for n in numbers]


def test_lines_and_position_are_committed_together(tmp_path: Path) -> None:
    kafka = Kafka()
    one = Collector(tmp_path, kafka)
    one.put(*lines(1, 2))
    one.put(*lines(3))
    one.forward()
    assert kafka.values() == lines(1, 2, 3)
    assert {(key, topic) for topic, key, _, _ in kafka.committed} == {(b"web", "logs"), (one.folder.identity.name.encode(), "weir_ingest")}
    found = kafka.last(one.folder.identity.name)
    assert found and Place.load(found).point == one.spool.end and Place.load(found).point.values == 3
    assert (one.counters.forwarded, one.counters.trouble, one.told) == (3, "", [])


@pytest.mark.parametrize("seed", range(10))
def test_each_line_once_and_in_order_through_kills_and_outages(tmp_path: Path, seed: int) -> None:
    chance, kafka, sent = Random(seed), Kafka(), 0

    def trouble(step: str) -> str:
        if chance.random() < (0.01 if step == "produce" else 0.2):
            if chance.random() < 0.3:
                raise Killed
            return chance.choice(["lost", "unheard"])
        return ""

    kafka.trouble = trouble
    for _ in range(60):
        one = Collector(tmp_path, kafka)
        for _ in range(chance.randint(0, 5)):
            more = range(sent, sent := sent + chance.randint(1, 4))
            one.put(*lines(*more))
        try:
            one.forward()
        except Killed:
            continue
        finally:
            one.end()
    kafka.trouble = lambda step: ""
    last = Collector(tmp_path, kafka)
    last.forward()
    assert kafka.values() == lines(*range(sent))
    assert len(last.disk.names()) == 1


def test_an_outage_is_told_once_and_so_is_its_end(tmp_path: Path) -> None:
    kafka, steps = Kafka(), iter(["lost"] * 5)
    kafka.trouble = lambda step: next(steps, "") if step == "init" else ""
    one = Collector(tmp_path, kafka)
    one.put(*lines(1))
    one.forward()
    assert kafka.values() == lines(1)
    assert [sentence[:42] for sentence in one.told] == ["Nothing is sent to Kafka at the moment; li", "Kafka answers again."]


def test_a_commit_whose_answer_was_lost_is_not_sent_again(tmp_path: Path) -> None:
    kafka, steps = Kafka(), iter(["unheard"])
    kafka.trouble = lambda step: next(steps, "") if step == "commit" else ""
    one = Collector(tmp_path, kafka)
    one.put(*lines(1, 2))
    one.put(*lines(3))
    one.forward()
    assert kafka.values() == lines(1, 2, 3) and one.counters.forwarded == 3


def test_what_is_not_committed_waits(tmp_path: Path) -> None:
    kafka = Kafka()
    kafka.trouble = lambda step: "lost" if step == "commit" else ""
    one = Collector(tmp_path, kafka)
    one.put(*lines(1, 2))
    one.forwarder._wait = lambda error: one.stopping.set()  # type: ignore[method-assign]
    assert one.forwarder.waiting() is None  # the position is not known yet
    one.forwarder.run()
    waiting = one.forwarder.waiting()
    assert waiting and waiting.size > 12 and waiting.since > 0


def test_two_processes_do_not_use_one_folder(tmp_path: Path) -> None:
    Collector(tmp_path, Kafka())
    with pytest.raises(Conflict, match="Another collector uses the spool"):
        Collector(tmp_path, Kafka())


def test_a_folder_is_for_one_topic(tmp_path: Path) -> None:
    Collector(tmp_path, Kafka()).end()
    with pytest.raises(BadInput, match="is for the topic logs"):
        Collector(tmp_path, Kafka(), topic="other")


def copied(here: Path, there: Path) -> Path:
    return Path(shutil.copytree(here, there))


def prepared(tmp_path: Path, kafka: Kafka, *numbers: int) -> Path:
    one = Collector(tmp_path / "one", kafka)
    for number in numbers:
        one.put(*lines(number))
    one.forward()
    one.end()
    return tmp_path / "one"


def test_a_copy_that_went_another_way_is_refused(tmp_path: Path) -> None:
    kafka = Kafka()
    here = prepared(tmp_path, kafka, 1, 2)
    there = Collector(copied(here, tmp_path / "two"), kafka)
    prepared(tmp_path, kafka, 3)
    there.put(*lines(99))
    with pytest.raises(SpoolDiffers, match="Record 2 of the spool is not the one that was committed"):
        there.forward()
    assert kafka.values() == lines(1, 2, 3)


def test_an_older_copy_and_an_emptied_folder_are_refused(tmp_path: Path) -> None:
    kafka = Kafka()
    here = prepared(tmp_path, kafka, 1, 2)
    there = copied(here, tmp_path / "two")
    prepared(tmp_path, kafka, 3)
    with pytest.raises(SpoolDiffers, match="ends at record 2, but Kafka has committed 3"):
        Collector(there, kafka).forward()
    for file in here.glob("*.spool"):
        file.unlink()
    with pytest.raises(SpoolDiffers, match="ends at record 0, but Kafka has committed 3"):
        Collector(here, kafka).forward()


def test_a_spool_whose_position_is_lost_is_refused_until_it_has_a_new_id(tmp_path: Path) -> None:
    here = prepared(tmp_path, Kafka(), 1, 2)
    another = Kafka()
    one = Collector(here, another)
    with pytest.raises(SpoolDiffers, match="Kafka has no position of this spool"):
        one.forward()
    one.end()
    (here / "spool.json").unlink()
    again = Collector(here, another)
    again.forward()
    assert another.values() == lines(1, 2) and "is missing: the spool gets a new id" in again.told[0]


def test_two_collectors_with_copies_of_one_spool_do_not_both_go_on(tmp_path: Path) -> None:
    kafka, steps = Kafka(), list[str]()
    one = Collector(tmp_path / "one", kafka)
    one.put(*lines(1))
    one.put(*lines(2))

    def trouble(step: str) -> str:
        steps.append(step)
        if steps.count("commit") == 2 and step == "commit":
            kafka.trouble = lambda step: ""
            another = Collector(copied(tmp_path / "one", tmp_path / "two"), kafka)
            another.put(*lines(3))
            another.forward()
        return ""

    kafka.trouble = trouble
    with pytest.raises(Conflict, match="Another collector sends from a copy of this spool"):
        one.forward()
    assert kafka.values() == lines(1, 2, 3)


def test_what_is_before_a_damaged_record_is_sent(tmp_path: Path) -> None:
    kafka = Kafka()
    one = Collector(tmp_path, kafka)
    for n in range(20):
        one.put(*lines(n))
    one.end()
    second = sorted(tmp_path.glob("*.spool"))[1]
    text = bytearray(second.read_bytes())
    text[-1] ^= 1
    second.write_bytes(text)
    one = Collector(tmp_path, kafka)
    with pytest.raises(SpoolDamaged):
        one.forward()
    whole = len(kafka.values())
    assert kafka.values() == lines(*range(whole)) and whole > int(second.name[:20])
    one.end()
    second.unlink()  # as the runbook says
    (tmp_path / "spool.json").unlink()
    again = Collector(tmp_path, kafka)
    third = int(again.disk.names()[0][:20])
    again.forward()
    assert kafka.values() == lines(*range(whole), *range(third, 20))
