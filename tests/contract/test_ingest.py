"""`weir ingest` on a real broker: each line once through `kill -9`, fencing, limits of the topic."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from uuid import uuid4

import pytest
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource

from tests.conftest import PROJECT
from tests.parts import make_topic
from weir.addresses import kafka_address
from weir.errors import BadInput, Conflict
from weir.ingest import ingest
from weir.ingest.limits import record_limit
from weir.ingest.position import Position, key_of
from weir.ingest.positions import Positions
from weir.settings import Settings
from weir.sources.kafka import KafkaBroker

pytestmark = pytest.mark.stack
LINES = 30_000
RUN = """
import sys
from weir.ingest import ingest
from weir.settings import Settings
kafka, topic, path, rate, follow = sys.argv[1:]
ingest(path, "web", Settings(home="", kafka=kafka), topic=topic, rate=float(rate), resume=not int(follow), follow=bool(int(follow)))
"""


@pytest.fixture
def topic(real_kafka: Settings) -> str:
    name = f"topic-{uuid4().hex[:8]}"
    make_topic(real_kafka, name)
    return name


@pytest.fixture
def log(tmp_path: Path) -> Path:
    (tmp_path / "a.log").write_bytes(b"".join(b"line %d\n" % n for n in range(LINES)))
    return tmp_path / "a.log"


def numbers(settings: Settings, topic: str) -> list[int]:
    """The numbers of the lines that a committed read finds."""
    broker = KafkaBroker(settings.kafka)
    ends = broker.end_offsets(topic)
    return sorted(int((r.value or b"").split()[1]) for p, end in ends.items() for r in broker.records(topic, p, 0, end))


def position(settings: Settings, log: Path, topic: str) -> Position | None:
    return Positions(kafka_address(settings)).read(key_of(log, "web", topic))


def begun(settings: Settings, log: Path, topic: str, *, rate: int, follow: bool = False) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", RUN, settings.kafka, topic, str(log), str(rate), str(int(follow))]
    return subprocess.Popen(command, env={**os.environ, "PYTHONPATH": f"{PROJECT / 'plugins'}:{PROJECT}"})


def until_sent(settings: Settings, log: Path, topic: str, lines: int) -> None:
    deadline = time.monotonic() + 120
    while ((found := position(settings, log, topic)) is None) or found.lines < lines:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_each_line_once_through_kills(real_kafka: Settings, topic: str, log: Path) -> None:
    Positions(kafka_address(real_kafka)).create()
    sent = 0
    for _ in range(3):
        run = begun(real_kafka, log, topic, rate=4_000)
        until_sent(real_kafka, log, topic, sent + 1)
        run.send_signal(signal.SIGKILL)
        run.wait()
        found = position(real_kafka, log, topic)
        assert found and not found.done
        sent = found.lines
    with pytest.raises(BadInput, match=f"sent {sent} lines"):
        ingest(log, "web", real_kafka, topic=topic)
    rest = ingest(log, "web", real_kafka, topic=topic, resume=True)
    assert (rest.before, rest.acknowledged) == (sent, LINES - sent)
    assert numbers(real_kafka, topic) == list(range(LINES))
    assert ingest(log, "web", real_kafka, topic=topic, resume=True).acknowledged == 0


def test_a_followed_file_is_sent_once_through_a_kill_and_a_rotation(real_kafka: Settings, topic: str, tmp_path: Path) -> None:
    log = tmp_path / "b.log"
    log.write_bytes(b"line 0\nline 1\nli")
    run = begun(real_kafka, log, topic, rate=4_000, follow=True)
    until_sent(real_kafka, log, topic, 2)
    run.send_signal(signal.SIGKILL)
    run.wait()
    with log.open("ab") as file:
        file.write(b"ne 2\nline 3\n")
    log.rename(f"{log}.1")
    log.write_bytes(b"line 4\n")
    run = begun(real_kafka, log, topic, rate=4_000, follow=True)
    until_sent(real_kafka, log, topic, 5)
    run.send_signal(signal.SIGTERM)  # not SIGINT, which a process of a shell's background ignores
    run.wait(60)
    assert numbers(real_kafka, topic) == list(range(5))


def test_the_later_of_two_runs_ends_the_earlier(real_kafka: Settings, topic: str, log: Path) -> None:
    def other(said: object) -> None:
        ingest(log, "web", real_kafka, topic=topic)

    with pytest.raises(Conflict, match="Another weir ingest sends the same file"):
        ingest(log, "web", real_kafka, topic=topic, look=other)
    assert numbers(real_kafka, topic) == list(range(LINES))


def test_a_line_that_the_topic_does_not_take_is_refused(real_kafka: Settings, topic: str, tmp_path: Path) -> None:
    client, of = AdminClient({"bootstrap.servers": real_kafka.kafka}), ConfigResource(ConfigResource.Type.TOPIC, topic)
    of.add_incremental_config(ConfigEntry("max.message.bytes", "10000", incremental_operation=AlterConfigOpType.SET))
    client.incremental_alter_configs([of])[of].result(30)
    while record_limit(kafka_address(real_kafka), topic) != 10_000:
        time.sleep(0.05)
    (tmp_path / "a.log").write_bytes(b"line 0\n" + os.urandom(20_000).replace(b"\n", b" ").hex().encode() + b"\n" + b"line 1\n" * 5_000)
    sent = ingest(tmp_path / "a.log", "web", real_kafka, topic=topic)
    assert (sent.acknowledged, sent.refused, sent.limit < 10_000) == (5_001, [2], True)
