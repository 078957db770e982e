"""Subscribers to the records of a landed job: a consumer of Kafka, and a client of `weir serve`, which is a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from typing import Any
from uuid import uuid4

import httpx
from confluent_kafka import Consumer

from tests.conftest import PROJECT
from tests.landed.rig import LandedRig
from tests.parts import until
from weir.api.tokens import FILE, issue
from weir.local.ports import next_free

Seen = tuple[float, str, str]  # when it was seen (s), key, value


def environment(rig: LandedRig) -> dict[str, str]:
    """Return the environment of a command of `weir` that finds the servers and jobs of a rig."""
    settings = rig.settings
    known = {"HOME": settings.home, "KAFKA": settings.kafka, "CASSANDRA_PORT": str(settings.cassandra_port), "JOBS": settings.jobs}
    places = {"BUNDLES": settings.bundles, "CHECKPOINTS": settings.checkpoints, "SPARK_REST": "http://127.0.0.1:1"}
    own = {f"WEIR_{name}": value for name, value in {**known, **places, "CASSANDRA_HOSTS": "127.0.0.1"}.items()}
    return {**os.environ, **own, "PYTHONPATH": f"{PROJECT / 'plugins'}{os.pathsep}{PROJECT}"}


class Serve:
    """`weir serve` over a rig, at one port."""

    def __init__(self, rig: LandedRig) -> None:
        self._rig, self.port, file = rig, next_free(19478, set()), rig.stack.home / FILE
        self.token = issue(file, "ana", "reader")
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/api/v1"

    def start(self) -> None:
        command = [sys.executable, "-m", "weir", "serve", "--port", str(self.port)]
        with (self._rig.stack.home / "serve.log").open("ab") as log:
            self.process = subprocess.Popen(command, env=environment(self._rig), stdout=log, stderr=log)
        until(self._answers, "weir serve answers", 60)

    def end(self, sign: signal.Signals = signal.SIGTERM) -> float:
        """End the process, and return the seconds that it took."""
        assert self.process
        began = time.monotonic()
        self.process.send_signal(sign)
        self.process.wait(60)
        return time.monotonic() - began

    def get(self, path: str, **query: Any) -> httpx.Response:
        return httpx.get(f"{self.address}/{path}", params=query, headers={"Authorization": f"Bearer {self.token}"}, timeout=60)

    def _answers(self) -> bool:
        with suppress(httpx.HTTPError):
            return httpx.get(f"http://127.0.0.1:{self.port}/livez").status_code == 200
        return False


class Subscriber:
    """Gathers records in a thread of its own."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self._stop, self._thread = threading.Event(), threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join(30)

    @property
    def records(self) -> list[tuple[str, str]]:
        return [(key, value) for _, key, value in self.seen]

    def _run(self) -> None:
        raise NotImplementedError


class OfKafka(Subscriber):
    """A consumer of committed records in a group of its own, from the first record on."""

    def __init__(self, servers: str, topic: str) -> None:
        self._servers, self._topic = servers, topic
        super().__init__()

    def _run(self) -> None:
        consumer = Consumer({
            "bootstrap.servers": self._servers, "group.id": uuid4().hex, "isolation.level": "read_committed",
            "auto.offset.reset": "earliest", "enable.auto.commit": False,
        })  # fmt: skip
        consumer.subscribe([self._topic])
        while not self._stop.is_set():
            message = consumer.poll(0.2)
            if message is not None and message.error() is None:
                key, value = message.key(), message.value()
                assert key is not None and value is not None
                self.seen.append((time.time(), key.decode(), value.decode()))
        consumer.close()


class OfServe(Subscriber):
    """A client of server-sent events, as a browser's EventSource: it connects again with the id that it saw last."""

    def __init__(self, serve: Serve, job: str) -> None:
        self._serve, self._job, self.last, self.connections = serve, job, "", 0
        super().__init__()

    def _run(self) -> None:
        while not self._stop.is_set():
            with suppress(httpx.HTTPError):
                self._connect()
            self._stop.wait(0.2)

    def _connect(self) -> None:
        headers = {"Authorization": f"Bearer {self._serve.token}", **({"Last-Event-ID": self.last} if self.last else {})}
        url = f"{self._serve.address}/jobs/{self._job}/rows/events?start=earliest"
        with httpx.stream("GET", url, headers=headers, timeout=20) as answer:
            assert answer.status_code == 200, answer.read()
            self.connections += 1
            event: dict[str, str] = {}
            for line in answer.iter_lines():
                if line:
                    name, _, value = line.partition(": ")
                    event[name] = value
                    continue
                self._dispatch(event)
                event = {}
                if self._stop.is_set():
                    return

    def _dispatch(self, event: dict[str, str]) -> None:
        """Take a whole event. One that is cut off by the end of the connection is not taken."""
        self.last = event.get("id", self.last)
        if "data" in event:
            assert "event" not in event, event
            record = json.loads(event["data"])
            self.seen.append((time.time(), record["key"], record["value"]))
