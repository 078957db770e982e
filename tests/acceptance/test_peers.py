"""Each peer of `make bench-peers` on a real Kafka and Cassandra: all its counts are the generator's. WEIR_TEST_PEERS=1 runs it: minutes,
and 330 MB of Flink."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench.drain import fill
from bench.peers import PEERS, Run
from bench.peers.windows import Cell, windows
from drill.generator import Truth
from tests.parts import running
from weir.local import jars
from weir.settings import Settings

pytestmark = [pytest.mark.stack, pytest.mark.skipif(not os.environ.get("WEIR_TEST_PEERS"), reason="WEIR_TEST_PEERS=1 runs it")]
LINES = 1_000_000
WITHIN_S = 1200.0


@dataclass(frozen=True)
class Filled:
    """A topic of generated lines, and the servers."""

    settings: Settings
    topic: str
    truth: Truth

    def run(self, home: Path) -> Run:
        return Run(self.settings.kafka, self.topic, home, ("127.0.0.1", self.settings.cassandra_port), LINES)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    with running(tmp_path_factory.mktemp("peers"), "kafka", "cassandra") as settings:
        yield Filled(settings, "peers", fill(settings, "peers", LINES))


@pytest.mark.parametrize("name", PEERS)
def test_its_counts_are_the_generators(name: str, filled: Filled, tmp_path: Path) -> None:
    peer = PEERS[name]
    peer.prepare(jars.cache() / "weir-peers")
    argv, env = peer.command(filled.run(tmp_path))
    log = tmp_path / "log"
    with log.open("wb") as output:
        ended = subprocess.run(argv, env={**os.environ, **env}, cwd=tmp_path, stdout=output, stderr=output, timeout=WITHIN_S)
    told = log.read_text(errors="replace")
    assert ended.returncode == 0, told[-2000:]
    found = result(tmp_path)
    if name == "reader":
        assert found == []
        assert f"{LINES} records" in told
    else:
        assert found == windows(filled.truth)


def result(home: Path) -> list[Cell]:
    return [(start_ms, service, level, n) for start_ms, service, level, n in json.loads((home / "result.json").read_text())]
