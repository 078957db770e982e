"""Several streams in one job, and a stream beside a static table, on real servers: drivers are killed, and the rows are exact."""

from __future__ import annotations

import json
import os
import random
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from spark_jobs import failpoint
from tests.catalogue import CATALOGUE
from tests.catalogue.jobs import PATIENCE_S, added
from tests.landed.rig import LandedRig
from tests.parts import until
from weir.supervise.judge.report import Verdict

EVENTS, CARDS = 5000, 50


@dataclass(frozen=True)
class Event:
    """A payment or withdrawal. `amount` in cents."""

    id: int
    card: str
    amount: int

    @property
    def json(self) -> bytes:
        return json.dumps(self.__dict__).encode()

    @property
    def csv(self) -> bytes:
        return f"{self.id},{self.card},{self.amount}".encode()


def events(first: int, n: int) -> list[Event]:
    rng = random.Random(first)
    return [Event(first + i, f"c{rng.randrange(CARDS)}", rng.randrange(1, 50_000)) for i in range(n)]


def add(rig: LandedRig, job: str, code: str, table: str, **more: object) -> None:
    """Add a job of the catalogue that writes to PostgreSQL, and make its topics."""
    names = yaml.safe_load((CATALOGUE / code / "job.yaml").read_text())["sources"]
    sources = {name: {"topic": f"{job}-{name}"} for name in names}
    for one in sources.values():
        rig.make_topic(one["topic"])
    rig.sql(f"CREATE TABLE public.{job} ({table})")
    added(rig, code, job, sources=sources, sink=rig.postgres_sink(f"public.{job}"), **more)


def kill(rig: LandedRig, job: str) -> None:
    pid = int(until(lambda: rig.pid(job), "a driver has begun", PATIENCE_S))
    os.kill(pid, signal.SIGKILL)


def test_two_streams_in_one_job_are_united_exactly(rig: LandedRig) -> None:
    add(rig, "payments", "payments", "place text, id bigint, card text, amount bigint, PRIMARY KEY (place, id)")
    cash, shop, half = events(0, EVENTS), events(EVENTS, EVENTS), EVENTS // 2

    def send(of: slice) -> None:
        rig.produce("payments-cash", ((each.card.encode(), each.csv) for each in cash[of]))
        rig.produce("payments-shop", ((each.card.encode(), each.json) for each in shop[of]))

    send(slice(half))
    rig.deploy("payments")
    rig.await_landed("payments", PATIENCE_S)
    failpoint.arm(rig.failpoints, "write", "kill")
    send(slice(half, half + half // 2))
    until(lambda: failpoint.hit(rig.failpoints, "write"), "the driver is killed after its write", PATIENCE_S)
    rig.await_landed("payments", PATIENCE_S)
    kill(rig, "payments")
    send(slice(half + half // 2, None))
    rig.await_landed("payments", PATIENCE_S)
    found = rig.sql("SELECT place, id, card, amount FROM public.payments ORDER BY id")
    truth = [("cash", each.id, each.card, each.amount) for each in cash] + [("shop", each.id, each.card, each.amount) for each in shop]
    assert found == truth
    head = rig.head("payments")
    assert head.attempt >= 3 and head.epoch == 1
    assert set(head.shown_frontier) == {f"payments-{name}/{partition}" for name in ("cash", "shop") for partition in (0, 1)}
    rig.stop("payments")


class Limited:
    """The job `card_limits` with its own static tables; each is a file."""

    TABLE = "id bigint PRIMARY KEY, card text, amount bigint, most bigint, above boolean"

    def __init__(self, rig: LandedRig, name: str) -> None:
        self.rig, self.name, self.sent = rig, name, list[Event]()
        self.file = self.put(1, 20_000)
        add(rig, name, "card_limits", self.TABLE, options={"limits": self.file.as_uri()})

    def put(self, number: int, most: int) -> Path:
        """Write a table that knows every second card."""
        file = self.rig.stack.home / f"{self.name}-limits-{number}.csv"
        file.write_text("".join(f"c{card},{most + card}\n" for card in range(0, CARDS, 2)))
        return file

    def use(self, file: Path) -> None:
        """Name another table in the spec."""
        spec = self.rig.jobs / self.name / "job.yaml"
        spec.write_text(spec.read_text().replace(self.file.as_uri(), file.as_uri()))

    def send(self, n: int) -> list[Event]:
        more = events(len(self.sent), n)
        self.sent += more
        self.rig.produce(f"{self.name}-withdrawals", ((each.card.encode(), each.json) for each in more))
        return more

    def landed(self) -> list[tuple[object, ...]]:
        self.rig.await_landed(self.name, PATIENCE_S)
        return self.rig.sql(f"SELECT id, card, amount, most, above FROM public.{self.name} ORDER BY id")

    def killed_at(self, point: str, n: int) -> list[Event]:
        failpoint.arm(self.rig.failpoints, point, "kill")
        more = self.send(n)
        until(lambda: failpoint.hit(self.rig.failpoints, point), f"{point} is reached", PATIENCE_S)
        return more


def beside(sent: Sequence[Event], most: int) -> list[tuple[object, ...]]:
    """Return what the job must give for a table with these limits."""
    rows = []
    for each in sent:
        card = int(each.card[1:])
        limit = most + card if card % 2 == 0 else None
        rows.append((each.id, each.card, each.amount, limit, None if limit is None else each.amount > limit))
    return rows


def test_a_stream_beside_a_static_table_is_exact_and_a_deploy_takes_the_next_table(rig: LandedRig) -> None:
    job = Limited(rig, "limited")
    job.send(EVENTS)
    rig.deploy(job.name)
    first = job.landed()
    assert first == beside(job.sent, 20_000)
    job.killed_at("write", EVENTS)
    job.landed()
    kill(rig, job.name)
    job.send(EVENTS)
    assert job.landed() == beside(job.sent, 20_000)
    before = len(job.sent)
    job.use(job.put(2, 30_000))
    rig.deploy(job.name)
    job.send(EVENTS)
    assert job.landed() == beside(job.sent[:before], 20_000) + beside(job.sent[before:], 30_000)
    assert rig.head(job.name).epoch == 1
    rig.stop(job.name)


def test_a_table_that_changes_while_a_batch_is_claimed_stops_the_job(rig: LandedRig) -> None:
    job = Limited(rig, "changed")
    job.send(EVENTS)
    rig.deploy(job.name)
    assert job.landed() == beside(job.sent, 20_000)
    known = job.file.read_bytes()
    rig.unwatch(job.name)  # the table must change before the next driver starts
    job.killed_at("claim", 100)
    job.put(1, 30_000)
    rig.watch(job.name)
    until(lambda: rig.manager.health(job.name).found is Verdict.NOT_DETERMINISTIC, f"it stops: {rig.sentences[-4:]}", PATIENCE_S)
    assert "gives other rows now" in rig.manager.health(job.name).sentence
    job.file.write_bytes(known)
    rig.manager.restart(job.name, who="ana", reason="the table is back")
    assert job.landed() == beside(job.sent, 20_000)

    # If the first table is lost, a new version may complete the batch, because no reader has seen its rows.
    before = len(job.sent)
    rig.unwatch(job.name)
    job.killed_at("claim", 100)
    job.file.unlink()
    job.use(job.put(2, 30_000))
    rig.deploy(job.name)
    assert job.landed() == beside(job.sent[:before], 20_000) + beside(job.sent[before:], 30_000)
    rig.stop(job.name)
