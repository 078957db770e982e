"""Measure how many transactions a second the job `fraud` of the catalogue reads, judges and lands, with its state on disk.

    python bench/fraud.py [--transactions 2000000] [--cards 500000] [--json FILE] [--home DIR]

Starts its own Kafka and Cassandra, fills a topic with JSON transactions of an hour, and starts the job as its spec has it, with a driver of
production's JVM options. Nearly every transaction is one of a card and machine of its own, so each needs a state of its own. Three
withdrawals in fifteen minutes are planted here and there. `warm` leaves out the first third. If the alerts are not those that brute force
finds, no figure counts, and the exit code is 1.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import psutil

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "plugins")]

from bench.harness import Report, options, used  # noqa: E402
from tests.catalogue import CATALOGUE, episodes  # noqa: E402
from tests.catalogue.episodes import MINUTE, WITHDRAWALS, Event  # noqa: E402
from tests.contract.sinks import consumed  # noqa: E402
from tests.landed.rig import OPENS, LandedRig, landed_rig  # noqa: E402
from tests.parts import until  # noqa: E402

JOB, TOPIC, TARGET, PARTITIONS = "fraud", "transactions", "fraud-alerts", 4
PLANTED = 5_000  # one episode in so many transactions
JVM = f"-XX:+UseParallelGC {OPENS} -Dio.netty.tryReflectionSetAccessible=true"  # the spec's, and what Spark adds
Mark = tuple[float, float, int]  # wall clock (s), CPU seconds, transactions landed


def transactions(n: int, cards: int, since: int) -> Iterator[Event]:
    """Make transactions of an hour, in the order of their times."""
    rng = random.Random(23)
    for i in range(n):
        at = since + i * 60 * MINUTE // n
        if i % PLANTED < 3:
            yield Event(f"t{i}", at, f"p{i // PLANTED}", "m1")
        else:
            kind = "withdrawal" if rng.random() < 0.9 else "deposit"
            yield Event(f"t{i}", at, f"c{rng.randrange(cards)}", f"m{rng.randrange(500)}", "Bern", kind)


def expected(events: Iterator[Event]) -> list[list[str]]:
    """Return the ids of each episode, by brute force for every card and machine with enough withdrawals."""
    of_key: dict[tuple[str, ...], list[Event]] = defaultdict(list)
    for event in events:
        if event.kind == "withdrawal":
            of_key[WITHDRAWALS.key(event)].append(event)
    many = (own for own in of_key.values() if len(own) > WITHDRAWALS.more_than)
    return sorted(sorted(ids) for own in many for _, ids in episodes.alerts(WITHDRAWALS, own))


def drained(rig: LandedRig, n: int) -> list[Mark]:
    """Start the job, and look at it until everything has landed."""
    marks: list[Mark] = []
    rig.manager.deploy(JOB, "bench", "measure")

    def look() -> bool:
        head, pid = rig.head(JOB), rig.pid(JOB)
        if head is None or not pid:
            return False
        landed = sum(head.frontier.values())
        if not marks or landed > marks[-1][2]:
            marks.append((time.time(), used(psutil.Process(pid))[0], landed))
        return landed >= n

    until(look, "all transactions have landed", 1800)
    return marks


def main() -> int:
    asked = options(__doc__)
    asked.add_argument("--transactions", type=int, default=2_000_000)
    asked.add_argument("--cards", type=int, default=500_000)
    chosen, report = asked.parse_args(), Report("fraud")
    n, since = chosen.transactions, round(time.time() * 1000) - 2 * 60 * MINUTE
    with (
        tempfile.TemporaryDirectory(prefix="weir-fraud-") as temporary,
        landed_rig(chosen.home or Path(temporary), "kafka", "cassandra") as rig,
    ):
        rig.make_topic(TOPIC, PARTITIONS)
        rig.make_topic(TARGET, 1)
        made = ((event.card.encode(), json.dumps(event.as_json()).encode()) for event in transactions(n, chosen.cards, since))
        while block := list(islice(made, 200_000)):
            rig.produce(TOPIC, block)
        rig.add(
            JOB,
            {"code": str(CATALOGUE / JOB), "resources": {"executors": 0, "cores": 2, "driver_memory": "2g"}},
            {"spark.driver.extraJavaOptions": JVM},
        )
        marks = drained(rig, n)
        found = sorted(sorted(json.loads(record.value())["ids"]) for record in consumed(rig.settings.kafka, TARGET))
    if found != (true := expected(transactions(n, chosen.cards, since))):
        report.wrong.append(f"{len(found)} alerts, {len(true)} are true")
    first = next(mark for mark in marks if mark[2] >= n / 3)
    last = marks[-1]
    report.add("transactions, warm", "a second", (last[2] - first[2]) / (last[0] - first[0]))
    report.add("CPU of the driver, warm", "CPU-s a million transactions", (last[1] - first[1]) / (last[2] - first[2]) * 1e6)
    report.add("alerts", "alerts", len(found))
    report.add("transactions", "transactions", n)
    return report.end(chosen.json)


if __name__ == "__main__":
    sys.exit(main())
