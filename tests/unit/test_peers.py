"""What the peers of `make bench-peers` are held to, without their engines; that command compares their counts with the truth."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.peers import PEERS, Run, libraries
from bench.peers.java_peer import JavaPeer
from weir.errors import StackFailed


def test_a_name_finds_its_peer() -> None:
    assert {name: peer.name for name, peer in PEERS.items()} == {name: name for name in PEERS}
    assert {peer.sink for peer in PEERS.values()} == {"nothing", "cassandra"}


def test_a_run_that_cannot_work_is_refused(tmp_path: Path) -> None:
    run = Run("127.0.0.1:9092", "logs", tmp_path, None, 1)
    with pytest.raises(StackFailed, match="reader was not prepared"):
        JavaPeer("reader", ("Reader",), libraries.kafka).command(run)
    with pytest.raises(StackFailed, match="spark_stateful_cassandra has no Cassandra"):
        PEERS["spark_stateful_cassandra"].command(run)
