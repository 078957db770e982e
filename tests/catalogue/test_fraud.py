"""Fraud on real servers: transactions from Kafka while the driver is killed; alerts in the topic and as messages, once each."""

from __future__ import annotations

import json
import os
import signal
import time
from contextlib import suppress

import pytest

from spark_jobs import failpoint
from tests.catalogue import episodes
from tests.catalogue.episodes import CITIES, WITHDRAWALS, Event, Rule
from tests.catalogue.jobs import PATIENCE_S, added
from tests.contract.sinks import consumed
from tests.landed.rig import LandedRig
from tests.parts import until
from weir.alerts.deliver import deliver
from weir.alerts.evaluate import evaluate
from weir.alerts.rules import parse
from weir.alerts.sink import Inbox, message_of
from weir.jobs.landed_spec import topic_of

N = 4000


class Alerting:
    """A pattern job of the catalogue, with a rule that sends its alerts to the inbox."""

    def __init__(self, rig: LandedRig, job: str) -> None:
        self.rig, self.job, self.sent = rig, job, list[Event]()
        self.topic, self.target = f"{job}-transactions", f"{job}-alerts"
        rig.make_topic(self.topic)
        rig.make_topic(self.target, partitions=1)
        sink = {"kind": "kafka", "topic": self.target}
        added(rig, job, sources={"events": {"topic": self.topic}}, sink=sink)
        self.rules = parse(f"job: {job}\nrows: [{{name: episode, where: {{kind: alert}}}}]", f"{job}.yaml")

    def send(self, events: list[Event]) -> None:
        self.rig.produce(self.topic, ((event.card.encode(), json.dumps(event.as_json()).encode()) for event in events))
        self.sent += events

    def alert(self) -> None:
        """Do what the task of weir_alerts does."""
        manager, now = self.rig.manager, round(time.time() * 1000)
        while evaluate(manager.store, manager.source, None, self.rules, now, topic_of(manager.spec(self.job))).more:
            pass
        deliver(manager.store, self.job, lambda name: Inbox(manager.store), time.time)

    def found(self) -> list[list[str]]:
        rows = [json.loads(record.value()) for record in consumed(self.rig.settings.kafka, self.target)]
        assert {row["kind"] for row in rows} <= {"alert"}, rows
        return sorted(sorted(row["ids"]) for row in rows)

    def expected(self, rule: Rule) -> list[list[str]]:
        wanted = [event for event in self.sent if event.kind == "withdrawal" or rule is CITIES]
        return sorted(sorted(ids) for _, ids in episodes.alerts(rule, wanted))

    def messages(self) -> list[str]:
        """The titles of messages about rows: the kills open incidents of the stream, too."""
        found = (message_of(mail) for mail in self.rig.store.mails(self.job, 1000))
        return [message.title for message in found if message.kind == "row"]


@pytest.mark.parametrize(("job", "rule", "cards"), [("fraud", WITHDRAWALS, N // 8), ("two_cities", CITIES, 3 * N)])
def test_each_episode_is_an_alert_and_a_message_once(rig: LandedRig, job: str, rule: Rule, cards: int) -> None:
    fraud, since = Alerting(rig, job), round(time.time() * 1000) - 10 * 3_600_000
    events = episodes.transactions(23, N, cards, since)
    fraud.alert()
    fraud.send(events[: N // 4])
    rig.deploy(job)
    rig.await_landed(job, PATIENCE_S)
    fraud.alert()
    for part, point in enumerate(("claim", "write"), 1):
        failpoint.arm(rig.failpoints, point, "kill")
        fraud.send(events[part * N // 4 : (part + 1) * N // 4])
        until(lambda point=point: failpoint.hit(rig.failpoints, point), f"{point} is reached", PATIENCE_S)
        rig.await_landed(job, PATIENCE_S)
    pid = until(lambda: rig.pid(job), "a driver has begun", PATIENCE_S)
    fraud.send(events[3 * N // 4 :])
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    rig.await_landed(job, PATIENCE_S)
    expected = fraud.expected(rule)
    assert 10 < len(expected) < 150 and fraud.found() == expected, "more than 200 messages would be combined"
    fraud.alert()
    fraud.alert()
    assert len(fraud.messages()) == len(expected)
    assert rig.head(job).epoch == 1 and rig.head(job).attempt >= 4
    rig.stop(job)
