"""Peers that vanish without a word: their cable is cut, so that no FIN and no RST comes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.collect import brokers
from tests.collect.brokers import Broker
from tests.collect.cable import HERE, THERE, Machine
from tests.collect.publishing import to_mqtt, to_rabbitmq
from tests.collecting import collecting, committed, measured, send
from tests.parts import until
from weir.settings import Settings

SENDER = """
import fcntl, socket, sys
peer = socket.create_connection((sys.argv[1], int(sys.argv[2])))
for text in sys.stdin:
    peer.sendall(text.rstrip().replace("|", "\\n").encode())
    while int.from_bytes(fcntl.ioctl(peer, 0x5411, bytes(4)), sys.byteorder):  # TIOCOUTQ: bytes that were not received
        pass
    print("received", flush=True)
"""


class Sender:
    """A sender on the other machine."""

    def __init__(self, machine: Machine, port: str) -> None:
        command = [*machine.inside, sys.executable, "-c", SENDER, HERE, port]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def send(self, text: str) -> None:
        """Send text, | for LF, and wait until the kernel of this machine has it."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(f"{text}\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "received\n"


@contextmanager
def sender(machine: Machine, port: str) -> Iterator[Sender]:
    made = Sender(machine, port)
    try:
        yield made
    finally:
        made.process.kill()
        made.process.communicate()


@pytest.mark.parametrize("late", [False, True], ids=["silent", "an acknowledgement is on its way"])
def test_a_sender_that_vanished_makes_room_for_another(
    real_kafka: Settings, topic: str, machine: Machine, tmp_path: Path, late: bool
) -> None:
    """With an acknowledgement on its way the kernel asks nothing: it sends it again for a quarter of an hour."""
    options = (
        "--host",
        HERE,
        "--port",
        "0",
        "--topic",
        topic,
        "--acknowledge",
        "--connections",
        "1",
        "--keepalive",
        "12",
        "--metrics-port",
        "0",
    )
    with collecting(real_kafka, tmp_path, "tcp", *options) as collector:
        port = collector.saying(rf"{HERE}:(\d+) for the topic")
        with sender(machine, port) as gone:
            gone.send("whole|half")
            until(lambda: measured(collector, "weir_collect_lines_total") == 1, "the line is on disk", 60)
            if late:
                os.kill(collector.process.pid, signal.SIGSTOP)  # it reads and acknowledges after the cut
                gone.send(" and the rest|half")
            machine.cut()
            if late:
                os.kill(collector.process.pid, signal.SIGCONT)
                assert collector.saying("(has not answered for 12 s and was disconnected)")
            until(lambda: measured(collector, "weir_collect_connections") == 0, "the connection is closed", 60)
        assert measured(collector, "weir_collect_cut_lines_total") == 1
        assert send(int(port), [b"of another"], host=HERE) == 1
        assert collector.stop() == 0
    assert committed(real_kafka, topic) == Counter([b"whole", b"of another", *([b"half and the rest"] if late else [])])


@pytest.fixture
def far_mosquitto(machine: Machine, tmp_path: Path) -> Iterator[Broker]:
    broker = brokers.mosquitto(tmp_path, THERE, machine.inside)
    broker.start()
    yield broker
    broker.kill()


@pytest.fixture
def far_rabbitmq(machine: Machine, tmp_path: Path) -> Iterator[Broker]:
    broker = brokers.rabbitmq(tmp_path, THERE, machine.inside)
    broker.start()
    yield broker
    broker.kill()


def test_an_mqtt_broker_that_vanished_is_connected_to_again(
    real_kafka: Settings, topic: str, machine: Machine, far_mosquitto: Broker, tmp_path: Path
) -> None:
    options = ("--subscribe", "plant/#")
    _cut_and_mended(real_kafka, topic, machine, far_mosquitto, tmp_path, "mqtt", options, to_mqtt)


def test_a_rabbitmq_that_vanished_is_connected_to_again(
    real_kafka: Settings, topic: str, machine: Machine, far_rabbitmq: Broker, tmp_path: Path
) -> None:
    options = ("--queue", "lines")
    _cut_and_mended(real_kafka, topic, machine, far_rabbitmq, tmp_path, "rabbitmq", options, to_rabbitmq)


def _cut_and_mended(
    kafka: Settings,
    topic: str,
    machine: Machine,
    broker: Broker,
    folder: Path,
    kind: str,
    options: tuple[str, ...],
    publish: Callable[[Broker, range], None],
) -> None:
    """Cut the cable while nothing is sent. Heartbeats are the only sign, and the collector must miss them."""
    where = ("--broker", f"{broker.host}:{broker.port}", "--topic", topic, "--heartbeat", "5", "--metrics-port", "0")
    if kind == "rabbitmq":
        publish(broker, range(1))  # makes the queue
    with collecting(kafka, folder, kind, *options, *where) as collector:
        until(lambda: measured(collector, "weir_collect_broker_up") == 1, "it is a consumer", 60)
        publish(broker, range(1, 10))
        until(lambda: {b"line %d" % n for n in range(1, 10)} <= set(committed(kafka, topic)), "messages are sent", 60)
        machine.cut()
        until(lambda: measured(collector, "weir_collect_broker_up") == 0, "the silence is noticed", 60)
        machine.mend()
        until(lambda: measured(collector, "weir_collect_broker_up") == 1, "it is a consumer again", 60)
        publish(broker, range(10, 20))
        until(lambda: {b"line %d" % n for n in range(1, 20)} <= set(committed(kafka, topic)), "messages are sent again", 60)
        assert collector.stop() == 0
