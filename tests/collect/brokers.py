"""Real brokers for collectors: RabbitMQ and mosquitto, as Debian installs them, on ports and in folders of their own."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from uuid import uuid4

import pytest

RABBITMQ = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
LOOPBACK = "127.0.0.1"
PATIENCE_S = 120.0


class Broker:
    """A server that a test kills and starts again, with its data."""

    def __init__(self, command: Sequence[str], host: str, port: int, env: Mapping[str, str], log: Path) -> None:
        self.host, self.port, self._command, self._env, self._log = host, port, command, env, log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as out:
            self._process = subprocess.Popen(self._command, env={**os.environ, **self._env}, stdout=out, stderr=out, start_new_session=True)
        deadline = time.monotonic() + PATIENCE_S
        while True:
            assert self._process.poll() is None and time.monotonic() < deadline, self._log.read_text()[-2000:]
            with contextlib.suppress(OSError), socket.create_connection((self.host, self.port), 1):
                return
            time.sleep(0.2)

    def kill(self) -> None:
        """End it with all its processes."""
        if self._process and self._process.poll() is None:
            os.killpg(self._process.pid, 9)
            self._process.wait()


def mosquitto(folder: Path, host: str = LOOPBACK, inside: Sequence[str] = ()) -> Broker:
    """Return an MQTT broker that keeps its sessions on disk. `inside` is a command that runs it on another machine."""
    if not MOSQUITTO:
        pytest.skip("mosquitto is not installed: apt-get install mosquitto")
    port, data = free_port(), folder / "mosquitto"
    data.mkdir()
    data.chmod(0o777)
    folder.chmod(0o755)
    conf = folder / "mosquitto.conf"
    conf.write_text(
        f"listener {port} {host}\nallow_anonymous true\npersistence true\npersistence_location {data}/\nautosave_interval 1\n"
        "max_queued_messages 0\nmax_inflight_messages 100\nuser root\n"
    )
    return Broker([*inside, MOSQUITTO, "-c", str(conf)], host, port, {}, folder / "mosquitto.log")


def rabbitmq(folder: Path, host: str = LOOPBACK, inside: Sequence[str] = ()) -> Broker:
    """Return RabbitMQ with durable queues; otherwise as `mosquitto`."""
    if not RABBITMQ.exists():
        pytest.skip("RabbitMQ is not installed: apt-get install rabbitmq-server")
    port, home = free_port(), folder / "rabbitmq"
    home.mkdir()
    (home / "guests.conf").write_text("loopback_users = none\n")
    env = {
        "HOME": str(home), "RABBITMQ_NODENAME": f"weir-{uuid4().hex[:8]}@localhost", "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(free_port()), "ERL_EPMD_PORT": str(free_port()), "RABBITMQ_NODE_IP_ADDRESS": host,
        "RABBITMQ_MNESIA_BASE": str(home / "data"), "RABBITMQ_LOG_BASE": str(home / "log"), "RABBITMQ_PID_FILE": str(home / "pid"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "plugins"), "RABBITMQ_CONFIG_FILE": str(home / "guests.conf"), "LC_ALL": "C.UTF-8",
    }  # fmt: skip
    # epmd would make itself a daemon, which outlives the test.
    command = [*inside, "sh", "-c", f"epmd -address 127.0.0.1 & exec {RABBITMQ}"]
    return Broker(command, host, port, env, folder / "rabbitmq.log")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port
