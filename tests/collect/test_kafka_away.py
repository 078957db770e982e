"""Collectors while Kafka is killed, with real senders: many connections, and syslog's own `logger`."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.collecting import collecting, committed, send
from tests.parts import Server, make_topic, new_stack, until
from weir.counts.fitting import fit
from weir.local import jars, kafka
from weir.settings import Settings

SENDERS, LINES = 50, 400


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[tuple[Server, Settings]]:
    """A Kafka that a test kills and starts again."""
    jars.class_path("kafka")
    stack = new_stack(tmp_path / "stack")
    server = Server(kafka.part(stack))
    server.start()
    yield server, Settings(home=str(tmp_path / "stack"), kafka=stack.address("kafka"))
    server.stop()


def test_each_line_is_counted_once_while_kafka_is_killed(broker: tuple[Server, Settings], tmp_path: Path) -> None:
    server, settings = broker
    make_topic(settings, "logs")
    lines = [[b"%d line %d" % (n, m) for m in range(LINES)] for n in range(SENDERS)]
    with collecting(settings, tmp_path, "tcp", "--port", "0", "--acknowledge", "--spool-size", "64") as collector:
        port = int(collector.saying(r"127\.0\.0\.1:(\d+)"))
        for turn in range(2):
            assert sum(_at_once(port, [each[turn * LINES // 4 : (turn + 1) * LINES // 4] for each in lines])) == SENDERS * LINES // 4
            server.kill()
            assert sum(_at_once(port, [each[(turn + 2) * LINES // 4 : (turn + 3) * LINES // 4] for each in lines])) == SENDERS * LINES // 4
            collector.saying("(Nothing is sent to Kafka at the moment)")
            server.start()
        until(lambda: len(committed(settings, "logs")) == SENDERS * LINES, "all lines are sent", 240)
        collector.saying("(Kafka answers again)")
        assert collector.stop() == 0
        assert collector.said[-1] == f"{SENDERS * LINES} lines received, {SENDERS * LINES} sent."
    assert committed(settings, "logs") == Counter(line for each in lines for line in each)


def _at_once(port: int, parts: list[list[bytes]]) -> list[int]:
    """Send parts in a connection each, and return how many lines of each were acknowledged."""
    safe = [0] * len(parts)

    def one(n: int) -> None:
        safe[n] = send(port, parts[n])

    threads = [threading.Thread(target=one, args=(n,)) for n in range(len(parts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return safe


@pytest.mark.skipif(not shutil.which("logger"), reason="logger is not installed: apt-get install bsdutils")
def test_syslog_from_logger_is_read_by_the_formats(real_kafka: Settings, topic: str, tmp_path: Path) -> None:
    with collecting(real_kafka, tmp_path, "syslog", "--port", str(port := _free()), "--topic", topic) as collector:
        collector.saying("(collecting syslog on 127.0.0.1)")
        logger = ["logger", "-n", "127.0.0.1", "-P", str(port), "-t", "app", "-p", "user.err"]
        for ways in (("-T",), ("-T", "--octet-count"), ("-d",)):
            for version in ("--rfc5424", "--rfc3164"):
                subprocess.run([*logger, *ways, version, f"message {ways[-1]} {version}"], check=True, timeout=60)
        until(lambda: sum(committed(real_kafka, topic).values()) == 6, "six messages are sent", 60)
        assert collector.stop() == 0
    found = list(committed(real_kafka, topic))
    now_ms = int(time.time() * 1000)
    of = {version: [line for line in found if version in line] for version in (b"rfc5424", b"rfc3164")}
    for version, format in ((b"rfc5424", "syslog_rfc5424"), (b"rfc3164", "syslog_rfc3164")):
        read = fit(of[version], format, "UTC", now_ms)
        assert (read.lines, read.rejects) == (3, {}), of


def _free() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
