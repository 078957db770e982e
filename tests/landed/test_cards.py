"""A stateful landed job on real servers: its driver is killed at every step, frozen and woken, and the rows equal an oracle's.

`make test` runs a small form; `make test-landed` the whole one: WEIR_TEST_LANDED_EVENTS events, each fail-point, five kills at random.
"""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Iterator
from contextlib import suppress

import psutil
import pytest

from spark_jobs import failpoint
from tests.landed.oracle import Withdrawal, truth, withdrawals
from tests.landed.rig import LandedRig, landed_rig
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


class Cards:
    """The job `cards` with a sink in PostgreSQL, and what it must come to."""

    def __init__(self, rig: LandedRig, job: str) -> None:
        self.rig, self.job, self.sent, self.topic = rig, job, list[Withdrawal](), f"{job}-withdrawals"
        rig.make_topic(self.topic)
        rig.sql(f"CREATE TABLE public.{job} (card text PRIMARY KEY, n bigint, amount bigint, last text)")
        sink = rig.postgres_sink(f"public.{job}", mode="upsert", key=["card"])
        sources = {"withdrawals": {"topic": self.topic}}
        rig.add(job, {"code": "cards", "sources": sources, "output_mode": "update", "sink": sink})

    def send(self, n: int) -> None:
        more = withdrawals(len(self.sent), len(self.sent), n, CARDS)
        self.rig.produce(self.topic, ((each.card.encode(), each.record) for each in more))
        self.sent += more

    def await_exact(self) -> None:
        self.rig.await_landed(self.job, PATIENCE_S)
        rows = self.rig.sql(f"SELECT card, n, amount, last FROM public.{self.job}")
        assert {card: (n, int(amount), last) for card, n, amount, last in rows} == truth(self.sent)

    def restart(self) -> int:
        """Start the next attempt by hand, and return it."""
        return self.rig.manager.restart(self.job, who="ana", reason="a test").attempt

    def await_driver(self) -> int:
        return int(until(lambda: self.rig.pid(self.job), "a driver has begun", PATIENCE_S))


def test_a_killed_driver_leaves_every_event_once(rig: LandedRig) -> None:
    """The batch is in the sink and has not landed: it lands as the sink holds it, and its state is made again."""
    cards = Cards(rig, "small")
    failpoint.arm(rig.failpoints, "write", "kill")
    cards.send(500)
    rig.deploy(cards.job)
    until(lambda: failpoint.hit(rig.failpoints, "write"), "the first driver is killed after its write", PATIENCE_S)
    assert rig.head(cards.job).state == "claimed"
    cards.await_exact()
    cards.send(500)
    cards.await_exact()
    assert rig.head(cards.job).attempt > 1 and rig.head(cards.job).epoch == 1 and rig.head(cards.job).stateful


@at_length
def test_every_step_may_be_the_last_and_a_frozen_driver_wakes_to_nothing(rig: LandedRig) -> None:
    cards, rng, share = Cards(rig, "cards"), random.Random(22), EVENTS // (len(POINTS) + 8)
    cards.send(share)
    rig.deploy(cards.job)
    cards.await_exact()
    for point in POINTS:
        failpoint.arm(rig.failpoints, point, "kill")
        cards.send(share)
        if point in AT_THE_START:
            cards.restart()
        until(lambda point=point: failpoint.hit(rig.failpoints, point), f"{point} is reached", PATIENCE_S)
        cards.await_exact()
    for _ in range(5):
        pid = cards.await_driver()
        cards.send(share)
        _let_something_happen(rig, cards.job, rng)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        cards.await_exact()
    a_zombie_wakes(rig, cards, share)
    cards.send(EVENTS - len(cards.sent))
    cards.await_exact()


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


def _let_something_happen(rig: LandedRig, job: str, rng: random.Random) -> None:
    """Wait for a change of the head, or for nothing."""
    before = rig.head(job)
    until(lambda: rig.head(job) != before or rng.random() < 0.2, "something happens", PATIENCE_S)
