"""Real brokers for collectors: RabbitMQ and mosquitto, as Debian installs them, on ports and in folders of their own."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from uuid import uuid4

import pytest

from tests.contract.conftest import real_kafka
from tests.parts import make_topic
from weir.settings import Settings

__all__ = ["real_kafka"]
ASKED = os.environ.get("WEIR_TEST_COLLECT") == "1"
RABBITMQ = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
PATIENCE_S = 120.0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = [item for item in items if Path(__file__).parent in item.path.parents]
    for item in here:
        item.add_marker(pytest.mark.stack)
        if not ASKED:
            item.add_marker(pytest.mark.skip(reason="make test-collect runs it (WEIR_TEST_COLLECT=1)"))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Broker:
    """A server that a test kills and starts again, with its data."""

    def __init__(self, command: Sequence[str], port: int, env: Mapping[str, str], log: Path) -> None:
        self.port, self._command, self._env, self._log = port, command, env, log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as out:
            self._process = subprocess.Popen(self._command, env={**os.environ, **self._env}, stdout=out, stderr=out, start_new_session=True)
        deadline = time.monotonic() + PATIENCE_S
        while True:
            assert self._process.poll() is None and time.monotonic() < deadline, self._log.read_text()[-2000:]
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.2)

    def kill(self) -> None:
        """End it with all its processes."""
        if self._process and self._process.poll() is None:
            os.killpg(self._process.pid, 9)
            self._process.wait()


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Broker]:
    """An MQTT broker that keeps its sessions on disk."""
    if not MOSQUITTO:
        pytest.skip("mosquitto is not installed: apt-get install mosquitto")
    port, data = free_port(), tmp_path / "mosquitto"
    data.mkdir()
    data.chmod(0o777)
    tmp_path.chmod(0o755)
    conf = tmp_path / "mosquitto.conf"
    conf.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location {data}/\nautosave_interval 1\n"
        "max_queued_messages 0\nmax_inflight_messages 100\nuser root\n"
    )
    broker = Broker([MOSQUITTO, "-c", str(conf)], port, {}, tmp_path / "mosquitto.log")
    broker.start()
    yield broker
    broker.kill()


@pytest.fixture
def rabbitmq(tmp_path: Path) -> Iterator[Broker]:
    """RabbitMQ with durable queues."""
    if not RABBITMQ.exists():
        pytest.skip("RabbitMQ is not installed: apt-get install rabbitmq-server")
    port, home = free_port(), tmp_path / "rabbitmq"
    home.mkdir()
    env = {
        "HOME": str(home), "RABBITMQ_NODENAME": f"weir-{uuid4().hex[:8]}@localhost", "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(free_port()), "ERL_EPMD_PORT": str(free_port()), "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_MNESIA_BASE": str(home / "data"), "RABBITMQ_LOG_BASE": str(home / "log"), "RABBITMQ_PID_FILE": str(home / "pid"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "plugins"), "RABBITMQ_CONFIG_FILE": str(home / "none"), "LC_ALL": "C.UTF-8",
    }  # fmt: skip
    # epmd would make itself a daemon, which outlives the test.
    command = ["sh", "-c", f"epmd -address 127.0.0.1 & exec {RABBITMQ}"]
    broker = Broker(command, port, env, tmp_path / "rabbitmq.log")
    broker.start()
    yield broker
    broker.kill()


@pytest.fixture
def topic(real_kafka: Settings) -> str:
    name = f"topic-{uuid4().hex[:8]}"
    make_topic(real_kafka, name)
    return name
