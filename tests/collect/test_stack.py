"""The collector of the embedded stack, in plain text and with Kafka's TLS and login."""

from __future__ import annotations

import os
import socket
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.collecting import committed_at
from tests.parts import configured_secure, running_stack, until
from weir.addresses import kafka_address
from weir.local import collector, folder, jars, kafka
from weir.settings import Settings


@pytest.mark.parametrize("secure", [False, True])
def test_lines_by_tcp_are_in_the_topic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, secure: bool) -> None:
    monkeypatch.setenv("WEIR_COLLECT", "1")
    jars.class_path("kafka")
    stack = configured_secure(tmp_path) if secure else folder.configure(tmp_path, lambda _: None)
    with running_stack(stack, kafka.part(stack)):
        kafka.open_to_clients(stack)
        part = collector.part(stack)
        with running_stack(stack, replace(part, env={**part.env, "PYTHONPATH": os.pathsep.join(sys.path)})):  # the code under test
            with socket.create_connection(("127.0.0.1", stack.ports["collect"])) as sender:
                sender.sendall(b"one\ntwo\n")
            monkeypatch.setenv("WEIR_HOME", str(tmp_path))
            settings = Settings.load()
            until(lambda: committed_at(kafka_address(settings), "logs").total() == 2, "the lines are in the topic", 60)
            assert part.probe() == ""
            assert set(committed_at(kafka_address(settings), "logs")) == {b"one", b"two"}
