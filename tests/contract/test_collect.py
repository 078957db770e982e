"""`weir collect tcp` with a real Kafka: what was acknowledged is counted, through `kill -9`."""

from __future__ import annotations

import json
import threading
import urllib.request
from pathlib import Path
from uuid import uuid4

import pytest

from tests.collecting import collecting, committed, send
from tests.parts import make_topic, until
from weir.settings import Settings

pytestmark = pytest.mark.stack
LINES = 60_000


@pytest.fixture
def topic(real_kafka: Settings) -> str:
    name = f"topic-{uuid4().hex[:8]}"
    make_topic(real_kafka, name)
    return name


def test_what_was_acknowledged_is_in_kafka_through_kills(real_kafka: Settings, topic: str, tmp_path: Path) -> None:
    lines = [b"line %d" % n for n in range(LINES)]
    safe, unknown = 0, 0
    for _ in range(2):
        with collecting(real_kafka, tmp_path, "tcp", "--port", "0", "--topic", topic, "--acknowledge") as collector:
            port, begun = int(collector.saying(r"127\.0\.0\.1:(\d+)")), threading.Event()
            killer = threading.Thread(target=lambda: (begun.wait(60), collector.kill()))  # noqa: B023 - joined in this turn
            killer.start()
            safe += send(port, lines[safe:], begun)
            killer.join()
            unknown += 1
    with collecting(real_kafka, tmp_path, "tcp", "--port", "0", "--topic", topic, "--acknowledge", "--metrics-port", "0") as collector:
        port = int(collector.saying(r"127\.0\.0\.1:(\d+) for the topic"))
        address = collector.saying(r"(http://127\.0\.0\.1:\d+)/metrics")
        safe += send(port, lines[safe:])
        assert safe == LINES
        until(lambda: health(address)["waiting_bytes"] == 0, "all is sent", 60)
        assert health(address)["state"] == "ok"
        assert "weir_collect_kafka_up 1.0" in asked(f"{address}/metrics") and "weir_collect_waiting_bytes 0.0" in asked(
            f"{address}/metrics"
        )
        assert collector.stop() == 0
    found = committed(real_kafka, topic)
    assert set(found) == set(lines)
    assert max(found.values()) <= 1 + unknown  # a line that was on disk when its acknowledgement was lost was sent again by this sender


def health(address: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(asked(f"{address}/health"))
    return found


def asked(url: str) -> str:
    with urllib.request.urlopen(url, timeout=30) as answer:
        text: str = answer.read().decode()
        return text


def test_a_stopped_collector_leaves_its_lines_to_the_next_run(real_kafka: Settings, topic: str, tmp_path: Path) -> None:
    nowhere = Settings(home="", kafka="127.0.0.1:1")
    with collecting(nowhere, tmp_path, "tcp", "--port", "0", "--topic", topic, "--acknowledge") as collector:
        port = int(collector.saying(r"127\.0\.0\.1:(\d+)"))
        assert send(port, [b"a", b"b"]) == 2
        assert collector.saying("(Nothing is sent to Kafka at the moment)")
        assert collector.stop() == 0
        assert collector.said[-1] == "2 lines received, 0 sent; waiting in the spool: unknown."
    with collecting(real_kafka, tmp_path, "tcp", "--port", "0", "--topic", topic) as collector:
        assert collector.saying("(the protocol has no acknowledgement)")
        until(lambda: len(committed(real_kafka, topic)) == 2, "the lines are sent", 60)
        assert collector.stop() == 0
    assert committed(real_kafka, topic) == {b"a": 1, b"b": 1}
