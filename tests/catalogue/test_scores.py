"""Live scores from Kafka to both kinds of subscribers, with `kill -9` of drivers and of `weir serve`: each record once, and exact."""

from __future__ import annotations

import json
import random
import signal
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest

from spark_jobs import failpoint
from tests.catalogue.jobs import PATIENCE_S, added, killed_while_it_works
from tests.catalogue.subscribers import OfKafka, OfServe, Serve
from tests.landed.rig import LandedRig
from tests.parts import until

MATCHES, TEAMS, EVENTS, KILLS = 20, ("home", "away"), 4000, 3
Event = dict[str, str]


def events(rng: random.Random, n: int) -> list[Event]:
    """Return events of all kinds: a fifth are corrections, some of events that never come."""
    found: list[Event] = []
    for i in range(n):
        event = {"id": f"e{i}", "match": f"m{rng.randrange(MATCHES)}"}
        if rng.random() < 0.2:
            found.append({**event, "kind": "correction", "of": f"e{rng.randrange(n + 50)}"})
        else:
            found.append({**event, "kind": rng.choice(("goal", "goal", "card")), "team": rng.choice(TEAMS)})
    return found


def truth(sent: Sequence[Event]) -> dict[str, dict[str, Any]]:
    """Return the score of each match that has one, event by event."""
    of_match: dict[str, dict[str, Event]] = defaultdict(dict)
    for event in sent:
        of_match[event["match"]][event["id"]] = event
    found = {}
    for match, own in of_match.items():
        gone = [event["of"] for event in own.values() if event["kind"] == "correction"]
        left = [event for name, event in own.items() if event["kind"] != "correction" and name not in gone]
        found[match] = {f"{kind}s": dict(Counter(e["team"] for e in left if e["kind"] == kind)) for kind in ("goal", "card")}
    return found


class Scores:
    """The job, and what was sent to it."""

    def __init__(self, rig: LandedRig) -> None:
        self.rig, self.sent = rig, list[Event]()
        rig.make_topic("match-events")
        rig.make_topic("scores")
        added(rig, "scores")

    def send(self, more: Sequence[Event]) -> None:
        self.sent += more
        self.rig.produce("match-events", ((event["match"].encode(), json.dumps(event).encode()) for event in more))


@pytest.fixture(scope="module")
def scores(rig: LandedRig) -> Scores:
    return Scores(rig)


def test_both_subscribers_get_each_score_once_through_kills(rig: LandedRig, scores: Scores) -> None:
    rng = random.Random(23)
    all_events = events(rng, EVENTS)
    rng.shuffle(all_events)  # corrections come before their events, too
    share = EVENTS // (KILLS + 2)
    serve = Serve(rig)
    serve.start()
    kafka, sse = OfKafka(rig.settings.kafka, "scores"), OfServe(serve, "scores")
    try:
        scores.send(all_events[:share])
        rig.deploy("scores")
        rig.await_landed("scores", PATIENCE_S)
        for n in range(1, KILLS + 1):
            scores.send(all_events[n * share : (n + 1) * share] + rng.sample(scores.sent, share // 4))  # with replays
            killed_while_it_works(rig, "scores", rng)
        serve.end(signal.SIGKILL)
        failpoint.arm(rig.failpoints, "write", "kill")  # the batch is in the topic, and has not landed
        scores.send(all_events[(KILLS + 1) * share :] + scores.sent[:share])
        until(lambda: failpoint.hit(rig.failpoints, "write"), "the driver is killed after its write", PATIENCE_S)
        serve.start()
        rig.await_landed("scores", PATIENCE_S)
        scores.send([{"id": "last", "match": "the end", "kind": "goal", "team": "home"}])
        for subscriber in (kafka, sse):
            until(lambda one=subscriber: any(key == "the end" for key, _ in one.records), "the last record is there", PATIENCE_S)
        assert serve.end() < 10, "an open stream does not hold its end up"
    finally:
        kafka.close()
        sse.close()
        if serve.process:
            serve.process.kill()
    exact(scores.sent, kafka.records)
    assert sorted(sse.records) == sorted(kafka.records) and sse.connections >= 2
    rig.stop("scores")


def exact(sent: Sequence[Event], records: Sequence[tuple[str, str]]) -> None:
    """Compare the last score of each match, and that its versions are 1, 2, 3 and so on, each once, with another score each."""
    of_match: dict[str, list[Any]] = defaultdict(list)
    for key, value in records:
        of_match[key].append(json.loads(value))
    for match, found in of_match.items():
        assert [one["version"] for one in found] == list(range(1, len(found) + 1)), match
        scores = [(one["goals"], one["cards"]) for one in found]
        assert all(before != after for before, after in pairwise(scores)), match
    last = {match: {name: found[-1][name] for name in ("goals", "cards")} for match, found in of_match.items()}
    wanted = {match: score for match, score in truth(sent).items() if match in last or score["goals"] or score["cards"]}
    assert last == wanted
