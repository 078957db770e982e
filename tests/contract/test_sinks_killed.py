"""The server of a sink is killed with `kill -9` in the middle of a batch, and comes back: the batch is there once."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pyspark.sql import SparkSession

from spark_jobs import failpoint
from spark_jobs.protocol.landing import Held
from spark_jobs.runtime.contract import CassandraAddress
from spark_jobs.runtime.session import Session
from tests.contract import sinks
from tests.contract.sinks import Life, Rig, digest
from tests.parts import MODULES, Server, make_topic, new_stack
from weir.local import jars
from weir.settings import Settings

pytestmark = [pytest.mark.stack, pytest.mark.skipif(not os.environ.get("WEIR_TEST_LANDED"), reason="make test-landed runs it")]
ROWS = 20_000


@pytest.fixture(scope="module", params=["postgres", "kafka", "cassandra"])
def place(request: pytest.FixtureRequest, spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A server of its own, and what makes a new target there."""
    stack = new_stack(tmp_path_factory.mktemp(f"killed-{request.param}"))
    if request.param != "postgres":
        jars.class_path(request.param)
    server = Server(MODULES[request.param].part(stack))
    server.start()
    try:
        yield server, _rigs(request.param, spark, stack)
    finally:
        server.stop()


def _rigs(name: str, spark: SparkSession, stack: Any) -> Callable[[], Rig]:
    if name == "postgres":
        return lambda: sinks.postgresql(spark, stack, upserts=False)
    if name == "kafka":
        settings = Settings(home=str(stack.home), kafka=stack.address("kafka"))
        return lambda: sinks.kafka(spark, settings.kafka, lambda topic: make_topic(settings, topic, 1))
    session = Session(CassandraAddress(("127.0.0.1",), stack.ports["cassandra"], keyspace=""), patience_s=300.0)
    return lambda: sinks.cassandra(spark, session)


def wanted() -> list[tuple[str, int]]:
    return sorted((f"row {n}", n) for n in range(ROWS))


def test_killed_while_rows_are_written(place: Any) -> None:
    server, new = place
    rig = new()
    rows = rig.rows(wanted())
    for delay in (0.1, 0.1 + random.random()):
        life, sink = Life.begun(f"cards-{delay}"), rig.process()
        sink.fence(life.head)
        killer = threading.Thread(target=lambda wait=delay: (time.sleep(wait), server.kill(), server.start()))
        killer.start()
        sink.write(life.claimed(), rows, digest(rows))
        sink.landed(life.landed())
        killer.join()
        later = life.successor()
        assert rig.process().fence(later.head) == (Held(1, 2, 0) if rig.knows else None)
        assert rig.seen() == wanted(), f"killed after {delay:.2f} s"
        rig = new()


def test_killed_between_two_batches(place: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Clients have connections that are gone. That of Kafka may hang once, and is then given up (OFFSETS_S)."""
    server, new = place
    rig = new()
    life, sink = Life.begun("cards"), rig.process()
    sink.fence(life.head)
    life.batch(sink, rig.rows([("a", 1)]))
    server.kill()
    server.start()
    life.batch(sink, rig.rows([("b", 2)]))
    assert rig.seen() == [("a", 1), ("b", 2)]
    assert sum("did not end within" in record.getMessage() for record in caplog.records) <= 1


@pytest.mark.parametrize("point", ["sink.write", "sink.commit"])
def test_killed_before_and_after_the_commit(place: Any, point: str, monkeypatch: pytest.MonkeyPatch) -> None:
    server, new = place
    rig: Rig = new()
    rows, left = rig.rows(wanted()), [point]

    def reach(name: str) -> None:
        if name in left:
            left.remove(name)
            server.kill()
            server.start()

    life, sink = Life.begun("cards"), rig.process()
    sink.fence(life.head)
    monkeypatch.setattr(failpoint, "reach", reach)
    sink.write(life.claimed(), rows, digest(rows))
    sink.landed(life.landed())
    assert rig.seen() == wanted()
    later, successor = life.successor(), rig.process()
    successor.fence(later.head)
    later.batch(successor, rig.rows([("z", 1)]))
    assert rig.seen() == [*wanted(), ("z", 1)]
    assert left == ([] if rig.knows or point == "sink.write" else [point]), "Cassandra's writes have no commit"
