"""A collector as a process of its own, and a sender that knows which of its lines were acknowledged."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from spark_jobs.runtime.kafka_address import KafkaAddress
from tests.parts import until
from weir.settings import Settings
from weir.sources.kafka import KafkaBroker

PATIENCE_S = 120.0


class Process:
    """`weir collect KIND ...` with its spool in a folder. What it says is in `said`."""

    def __init__(self, settings: Settings, folder: Path, kind: str, *options: str) -> None:
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "WEIR_HOME": str(folder), "WEIR_KAFKA": settings.kafka}
        command = [sys.executable, "-m", "weir", "collect", kind, *options]
        self.process = subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True)
        self.said: list[str] = []
        self._listening = threading.Thread(target=self._listen, daemon=True)
        self._listening.start()

    def _listen(self) -> None:
        assert self.process.stderr
        for line in self.process.stderr:
            self.said.append(line.rstrip())

    def saying(self, pattern: str) -> str:
        """Wait until it says a sentence, and return what the pattern's group found."""
        until(lambda: self._found(pattern) is not None or self.process.poll() is not None, f"it says {pattern}", PATIENCE_S)
        found = self._found(pattern)
        assert found, self.said
        return found

    def _found(self, pattern: str) -> str | None:
        return next((match[1] for line in list(self.said) if (match := re.search(pattern, line))), None)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """End it as systemd does, and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(PATIENCE_S)
        self._listening.join(PATIENCE_S)
        return code


@contextmanager
def collecting(settings: Settings, folder: Path, kind: str, *options: str) -> Iterator[Process]:
    made = Process(settings, folder, kind, *options)
    try:
        yield made
    finally:
        if made.process.poll() is None:
            made.kill()


def measured(collector: Process, name: str) -> float | None:
    """Return a metric of a collector with --metrics-port; None if it has none."""
    url = collector.saying(r"(http://\S+/metrics)")
    with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
        found = re.search(rf"^{name} (\S+)$", answer.read().decode(), re.MULTILINE)
    return float(found[1]) if found else None


def send(port: int, lines: list[bytes], sent: threading.Event | None = None, host: str = "127.0.0.1") -> int:
    """Send lines to a collector with --acknowledge. Return how many were acknowledged when all were, or the connection ended."""
    safe, rest = 0, b""
    with socket.create_connection((host, port), timeout=PATIENCE_S) as peer:
        writing = threading.Thread(target=_write, args=(peer, lines), daemon=True)
        writing.start()
        try:
            while safe < len(lines) and (data := peer.recv(65_536)):
                *whole, rest = (rest + data).split(b"\n")
                safe = int(whole[-1].split()[0]) if whole else safe
                if sent and safe:
                    sent.set()
        except OSError:
            pass
        peer.close()
        writing.join(PATIENCE_S)
    return safe


def _write(peer: socket.socket, lines: list[bytes]) -> None:
    try:
        for at in range(0, len(lines), 1000):
            peer.sendall(b"".join(line + b"\n" for line in lines[at : at + 1000]))
    except OSError:
        pass  # the collector was killed


def committed(settings: Settings, topic: str) -> Counter[bytes]:
    """Return how often each value is in the topic."""
    return committed_at(settings.kafka, topic)


def committed_at(address: KafkaAddress | str, topic: str) -> Counter[bytes]:
    """As `committed`, also of a Kafka with a login."""
    broker = KafkaBroker(address)
    ends = broker.end_offsets(topic)
    return Counter(record.value or b"" for p, end in ends.items() for record in broker.records(topic, p, 0, end))
