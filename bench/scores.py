"""Measure the time from an event of a match in Kafka to its subscribers: the job `scores`, a Kafka consumer and server-sent events.

    python bench/scores.py [--rate 200] [--matches 50] [--seconds 60] [--json FILE] [--home DIR]

Starts its own Kafka and Cassandra, a driver, and `weir serve`. Every event is a goal. Its time is from when the broker appended it to
when a subscriber has read the first record whose score includes it. The first 15 s are left out. If a score is wrong, the exit code is 1.
"""

from __future__ import annotations

import json
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "plugins")]

from confluent_kafka import Message, Producer  # noqa: E402

from bench.harness import Report, options  # noqa: E402
from tests.catalogue.jobs import added  # noqa: E402
from tests.catalogue.subscribers import OfKafka, OfServe, Seen, Serve  # noqa: E402
from tests.landed.rig import LandedRig, landed_rig  # noqa: E402
from tests.parts import until  # noqa: E402

WARM_S = 15.0
EVENTS, SCORES = "match-events", "scores"


class Goals:
    """Sends goals at a steady rate, one match after the other, and keeps when the broker appended the n-th of each match (s)."""

    def __init__(self, servers: str, rate: int, matches: int) -> None:
        self.appended: list[list[float]] = [[] for _ in range(matches)]
        self._producer = Producer({"bootstrap.servers": servers, "linger.ms": 1, "acks": "all"})
        self._rate, self._matches = rate, matches
        self._stop, self._thread = threading.Event(), threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def sent(self) -> int:
        return sum(map(len, self.appended))

    def stop(self) -> None:
        """Stop, and wait until all goals are acknowledged."""
        self._stop.set()
        self._thread.join()
        assert self._producer.flush(60) == 0

    def _run(self) -> None:
        due = time.monotonic()
        n = 0
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            match = n % self._matches
            event = {"id": str(n), "match": str(match), "kind": "goal", "team": "home"}
            self._producer.produce(EVENTS, json.dumps(event).encode(), str(match).encode(), on_delivery=self._delivered)
            self._producer.poll(0)
            n, due = n + 1, due + 1 / self._rate

    def _delivered(self, error: object, message: Message) -> None:
        """Goals of a match are in one partition, so they are acknowledged in their order."""
        key = message.key()
        assert error is None and key is not None
        self.appended[int(key)].append(message.timestamp()[1] / 1000)


def goals_of(value: str) -> int:
    return int(json.loads(value)["goals"]["home"])


def total(seen: Sequence[Seen]) -> int:
    """Return how many goals the last scores of all matches have."""
    return sum({key: goals_of(value) for _, key, value in seen}.values())


def delays(seen: Sequence[Seen], appended: Sequence[Sequence[float]], since: float) -> list[float]:
    """Return the seconds of each goal that was appended after `since`, sorted."""
    found, shown = [], [0] * len(appended)
    for at, key, value in seen:
        match, goals = int(key), goals_of(value)
        found += [at - when for when in appended[match][shown[match] : goals] if when >= since]
        shown[match] = max(shown[match], goals)
    return sorted(found)


def measure(rig: LandedRig, rate: int, matches: int, seconds: float, report: Report) -> None:
    for topic in (EVENTS, SCORES):
        rig.make_topic(topic)
    added(rig, SCORES)
    rig.deploy(SCORES)
    serve = Serve(rig)
    serve.start()
    subscribers = {"Kafka consumer": OfKafka(rig.settings.kafka, SCORES), "server-sent events": OfServe(serve, SCORES)}
    goals = Goals(rig.settings.kafka, rate, matches)
    try:
        until(lambda: all(one.seen for one in subscribers.values()), "both have seen a score")
        time.sleep(WARM_S)
        since = time.time()
        time.sleep(seconds)
        goals.stop()
        until(lambda: all(total(one.seen) >= goals.sent for one in subscribers.values()), "both have seen all goals")
    finally:
        for one in subscribers.values():
            one.close()
        serve.end()
    for name, subscriber in subscribers.items():
        figures(report, f"{rate} events/s, {name}", subscriber.seen, goals, since)


def figures(report: Report, name: str, seen: Sequence[Seen], goals: Goals, since: float) -> None:
    """Add the figures of a subscriber, and what is wrong with its scores."""
    if total(seen) != goals.sent:
        report.wrong.append(f"{name}: {total(seen)} goals of {goals.sent}")
    if len({(key, value) for _, key, value in seen}) != len(seen):
        report.wrong.append(f"{name}: a record came twice")
    found = delays(seen, goals.appended, since)
    for share in (50, 99):
        report.add(f"{name}: event to subscriber, p{share}", "ms", 1000 * found[len(found) * share // 100])


def main() -> int:
    asked = options(__doc__)
    asked.add_argument("--rate", type=int, default=200, help="events a second")
    asked.add_argument("--matches", type=int, default=50)
    asked.add_argument("--seconds", type=float, default=60)
    chosen, report = asked.parse_args(), Report("scores")
    with (
        tempfile.TemporaryDirectory(prefix="weir-scores-") as temporary,
        landed_rig(chosen.home or Path(temporary), "kafka", "cassandra") as rig,
    ):
        measure(rig, chosen.rate, chosen.matches, chosen.seconds, report)
    return report.end(chosen.json)


if __name__ == "__main__":
    sys.exit(main())
