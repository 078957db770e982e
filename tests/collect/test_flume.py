"""A real Flume 1.11 with the configuration of docs/shippers.md: its lines are in the topic, through a kill."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.lines import MIX, START_MS
from drill.generator import Generator
from tests.collecting import committed
from tests.conftest import PROJECT
from tests.parts import until
from weir.local import jars
from weir.local.part import java
from weir.settings import Settings
from weir.sources.kafka import KafkaBroker

LINES = 20_000


def configured(folder: Path, settings: Settings, topic: str) -> Path:
    """Write the configuration of the page with a test's places in it."""
    (text,) = re.findall(r"^```properties\n(.*?)^```", (PROJECT / "docs" / "shippers.md").read_text(), re.DOTALL | re.MULTILINE)
    for usual, here in (
        ("/var/log/apache2", str(folder)),
        ("/var/lib/flume", str(folder / "flume")),
        ("127.0.0.1:9092", settings.kafka),
        ("topic = logs", f"topic = {topic}"),
    ):
        assert usual in text
        text = text.replace(usual, here)
    file = folder / "flume.conf"
    file.write_text(text)
    return file


@contextmanager
def agent(file: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run an agent, and kill it at the end."""
    path = os.pathsep.join(map(str, jars.class_path("flume")))
    with file.with_suffix(".log").open("ab") as log:
        command = [java(), "-Xmx256m", "-cp", path, "org.apache.flume.node.Application", "--name", "agent", "--conf-file", str(file)]
        process = subprocess.Popen([*command, "--no-reload-conf"], stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_the_lines_of_an_agent_are_in_the_topic_through_a_kill(real_kafka: Settings, topic: str, tmp_path: Path) -> None:
    lines = [line for block in Generator(1, START_MS, MIX).blocks(LINES) for _, line in block]
    log = tmp_path / "error.log"
    log.write_bytes(b"".join(line + b"\n" for line in lines[: LINES // 2]))
    file = configured(tmp_path, real_kafka, topic)
    with agent(file):
        until(lambda: committed(real_kafka, topic), "the first lines are sent", 120)
    with log.open("ab") as more:
        more.write(b"".join(line + b"\n" for line in lines[LINES // 2 :]))
    with agent(file):
        until(lambda: set(committed(real_kafka, topic)) >= set(lines), f"all lines are sent; {file.with_suffix('.log')}", 240)
    found = committed(real_kafka, topic)
    print(f"{LINES} lines, {found.total() - LINES} repeated after the kill")  # noqa: T201
    assert set(found) == set(lines)  # those that are not UTF-8 included
    broker = KafkaBroker(real_kafka.kafka)
    ends = broker.end_offsets(topic)
    assert {record.key for p, end in ends.items() for record in broker.records(topic, p, 0, end)} == {b"web"}
