"""Landed jobs on real servers: drivers are killed at every step, frozen and woken, and the rows equal an oracle's.

`make test` runs a small form; `make test-landed` the whole one: WEIR_TEST_LANDED_EVENTS events, each fail-point, five kills at random.
"""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import psutil
import pytest

from spark_jobs import failpoint
from tests.landed.oracle import Withdrawal, truth, withdrawals
from tests.landed.rig import CONF, HEAP, LandedRig, landed_rig
from tests.landed.targets import InCassandra, InKafka, InParquet, InPostgres, Target
from tests.parts import until

pytestmark = pytest.mark.stack
at_length = pytest.mark.skipif(not os.environ.get("WEIR_TEST_LANDED"), reason="make test-landed runs it")
EVENTS = int(os.environ.get("WEIR_TEST_LANDED_EVENTS", "200000"))
CARDS = 500
AT_THE_START = ("start", "fence")
POINTS = [*failpoint.LANDED, *failpoint.SINK]
PATIENCE_S = 600.0


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LandedRig]:
    with landed_rig(tmp_path_factory.mktemp("landed")) as found:
        yield found


class Job:
    """A job over withdrawals, and the withdrawals that were sent."""

    def __init__(self, rig: LandedRig, name: str, sink: dict[str, Any], **spec: Any) -> None:
        self.rig, self.name, self.sent, self.topic = rig, name, list[Withdrawal](), f"{name}-withdrawals"
        rig.make_topic(self.topic)
        rig.add(name, {"sources": {"withdrawals": {"topic": self.topic}}, "sink": sink, **spec})

    def send(self, n: int) -> None:
        more = withdrawals(len(self.sent), len(self.sent), n, CARDS)
        self.rig.produce(self.topic, ((each.card.encode(), each.record) for each in more))
        self.sent += more

    def await_landed(self) -> None:
        self.rig.await_landed(self.name, PATIENCE_S)

    def restart(self) -> int:
        """Start the next attempt by hand, and return it."""
        return self.rig.manager.restart(self.name, who="ana", reason="a test").attempt

    def await_driver(self) -> int:
        return int(until(lambda: self.rig.pid(self.name), "a driver has begun", PATIENCE_S))

    def killed_at(self, point: str, n: int) -> None:
        """Send so many events, and let the driver be killed at a point."""
        failpoint.arm(self.rig.failpoints, point, "kill")
        self.send(n)
        if point in AT_THE_START:
            self.restart()
        until(lambda: failpoint.hit(self.rig.failpoints, point), f"{point} is reached", PATIENCE_S)


class Cards(Job):
    """The job `cards`, with state."""

    def __init__(self, rig: LandedRig, name: str, target: Target) -> None:
        super().__init__(rig, name, target.sink, code="cards", output_mode="update")
        self.target = target

    def await_exact(self) -> None:
        self.await_landed()
        assert self.target.cards() == truth(self.sent)


def test_a_killed_driver_leaves_every_event_once(rig: LandedRig) -> None:
    """The batch is in the sink and has not landed: it lands as the sink holds it, and its state is made again."""
    cards = Cards(rig, "small", InPostgres(rig, "small"))
    failpoint.arm(rig.failpoints, "write", "kill")
    cards.send(500)
    rig.deploy(cards.name)
    until(lambda: failpoint.hit(rig.failpoints, "write"), "the first driver is killed after its write", PATIENCE_S)
    assert rig.head(cards.name).state == "claimed"
    cards.await_exact()
    cards.send(500)
    cards.await_exact()
    assert rig.head(cards.name).attempt > 1 and rig.head(cards.name).epoch == 1 and rig.head(cards.name).stateful
    rig.stop(cards.name)


@at_length
def test_every_step_may_be_the_last_and_a_frozen_driver_wakes_to_nothing(rig: LandedRig) -> None:
    cards, rng, share = Cards(rig, "cards", InPostgres(rig, "cards")), random.Random(22), EVENTS // (len(POINTS) + 8)
    cards.send(share)
    rig.deploy(cards.name)
    cards.await_exact()
    for point in POINTS:
        cards.killed_at(point, share)
        cards.await_exact()
    for _ in range(5):
        pid = cards.await_driver()
        cards.send(share)
        _let_something_happen(rig, cards.name, rng)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        cards.await_exact()
    a_zombie_wakes(rig, cards, share)
    cards.send(EVENTS - len(cards.sent))
    cards.await_exact()
    rig.stop(cards.name)


def a_zombie_wakes(rig: LandedRig, cards: Cards, share: int) -> None:
    """The driver is frozen before it writes; its successor writes the batch; then it wakes, and may not write it again."""
    failpoint.arm(rig.failpoints, "claim", "stop")
    cards.send(share)
    frozen = until(lambda: failpoint.hit(rig.failpoints, "claim"), "the driver is frozen", PATIENCE_S)
    cards.restart()
    cards.await_exact()
    os.kill(frozen, signal.SIGCONT)
    until(lambda: not psutil.pid_exists(frozen) or psutil.Process(frozen).status() == psutil.STATUS_ZOMBIE, "it ends", PATIENCE_S)
    cards.await_exact()


@at_length
@pytest.mark.parametrize("target", [InCassandra, InParquet])
def test_the_same_job_is_exact_in_other_sinks(rig: LandedRig, target: Callable[[LandedRig, str], Target]) -> None:
    name = target.__name__.lower()  # type: ignore[attr-defined]
    cards = Cards(rig, name, target(rig, name))
    cards.send(EVENTS // 10)
    rig.deploy(name)
    cards.await_exact()
    for point in ("claim", "write", "land"):
        cards.killed_at(point, EVENTS // 10)
        cards.await_exact()
    rig.stop(name)


@at_length
def test_records_without_state_go_from_kafka_to_kafka_once(rig: LandedRig) -> None:
    target = InKafka(rig, "copies")
    job = Job(rig, "copies", target.sink, code="copies")
    job.send(EVENTS // 10)
    rig.deploy("copies")
    for point in ("claim", "write", "land"):
        job.killed_at(point, EVENTS // 10)
    job.await_landed()
    assert sorted(target.values()) == sorted(each.record for each in job.sent if each.amount > 10_000)
    rig.stop("copies")


@at_length
def test_two_topics_are_joined_with_a_kill_in_the_middle(rig: LandedRig) -> None:
    n = min(EVENTS // 10, 2000)
    for topic in ("j-withdrawals", "j-approvals"):
        rig.make_topic(topic)
    rig.sql("CREATE TABLE public.joined (id bigint PRIMARY KEY, card text, amount bigint, by text)")
    sources = {"withdrawals": {"topic": "j-withdrawals"}, "approvals": {"topic": "j-approvals"}}
    conf = {"spark.sql.streaming.stateStore.providerClass": HEAP}
    rig.add("joined", {"sources": sources, "sink": rig.postgres_sink("public.joined"), "spark_conf": {**CONF, **conf}})
    events = withdrawals(1, 0, 2 * n, CARDS)
    approvals = [(str(each.id).encode(), f'{{"id":{each.id},"by":"b{each.id % 7}"}}'.encode()) for each in events]
    rig.produce("j-withdrawals", ((each.card.encode(), each.record) for each in events[:n]))
    rig.produce("j-approvals", approvals[n // 2 : n])  # the rest comes batches later: the state must have the withdrawals
    rig.deploy("joined")
    rig.await_landed("joined", PATIENCE_S)
    failpoint.arm(rig.failpoints, "write", "kill")
    rig.produce("j-approvals", approvals[: n // 2])
    until(lambda: failpoint.hit(rig.failpoints, "write"), "the driver is killed after its write", PATIENCE_S)
    rig.await_landed("joined", PATIENCE_S)
    rig.produce("j-approvals", approvals[n:])
    rig.produce("j-withdrawals", ((each.card.encode(), each.record) for each in events[n:]))
    rig.await_landed("joined", PATIENCE_S)
    found = rig.sql("SELECT id, card, amount, by FROM public.joined ORDER BY id")
    assert found == [(each.id, each.card, each.amount, f"b{each.id % 7}") for each in events]
    assert rig.head("joined").stateful and rig.head("joined").epoch == 1
    rig.stop("joined")


def _let_something_happen(rig: LandedRig, job: str, rng: random.Random) -> None:
    """Wait for a change of the head, or for nothing."""
    before = rig.head(job)
    until(lambda: rig.head(job) != before or rng.random() < 0.2, "something happens", PATIENCE_S)
