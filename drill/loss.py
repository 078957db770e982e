"""Faults in which lines are lost before they were counted: the loss must be reported exactly, and accepted only by an operator."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Mapping

from confluent_kafka import TopicPartition

from drill.checkpoint import newest
from drill.fault import FAILPOINTS, Scene, enlist, fault
from drill.load import TOPIC
from drill.stage import JOB, WHO, Stage
from drill.steady import stays_given_up
from spark_jobs.protocol.partition import numbers
from weir.counts.progress import batches
from weir.local import kafka
from weir.supervise.judge.report import Verdict

Lose = Callable[[Scene, Mapping[int, int]], Mapping[int, int]]  # from the topic's end offsets to the first readable ones, by partition


def retention(scene: Scene, ends: Mapping[int, int]) -> Mapping[int, int]:
    """Delete the older half of the unread lines, as retention does."""
    frontier = numbers(scene.stage.head().frontier)
    cuts = {p: frontier.get(p, 0) + (end - frontier.get(p, 0)) // 2 for p, end in ends.items()}
    client = kafka.admin(kafka.owner_of(scene.stage.settings))  # keep a reference: the answer is lost when the client is collected
    for future in client.delete_records([TopicPartition(TOPIC, p, cut) for p, cut in cuts.items()]).values():
        future.result(30)
    return cuts


def recreated(scene: Scene, ends: Mapping[int, int]) -> Mapping[int, int]:
    """Delete the topic and create it again: all unread lines are gone."""
    stage, before = scene.stage, scene.stage.broker.topic_id(TOPIC)
    client = kafka.admin(kafka.owner_of(stage.settings))
    client.delete_topics([TOPIC], operation_timeout=30)[TOPIC].result(60)
    stage.until(lambda: kafka.topic(client), "the topic is made again")
    stage.until(lambda: stage.broker.topic_id(TOPIC) != before, "the topic is another one")
    scene.load.begin_anew(len(stage.broker.partitions(TOPIC)))
    return ends


def lost(lose: Lose) -> Callable[[Scene], None]:
    """Send lines while the driver is stopped, and remove them before it wakes."""

    def play(scene: Scene) -> None:
        stage, load = scene.stage, scene.load
        driver = stage.signal_driver(signal.SIGSTOP)
        try:
            scene.pause(2.0, 4.0)
            load.hold()
            ends = stage.broker.end_offsets(TOPIC)
            stage.manager.health(JOB)  # later only what this saw of the topic is known
            gone = lose(scene, ends)
            scene.begins()
        finally:
            stage.wake(driver)
        stage.until(lambda: stage.manager.health(JOB).verdict is Verdict.DATA_LOSS, "the loss is seen")
        stage.until(lambda: not stage.driver_runs(driver), "the driver has ended by itself, or was ended")
        frontier = numbers(stage.head().frontier)
        scene.expected_losses = sum(max(0, end - frontier.get(p, 0)) for p, end in gone.items())
        stage.manager.accept_loss(JOB, who=WHO, reason="the drill deleted the lines")
        load.go_on()
        stage.until(lambda: stage.landed_after(scene.injected_at, scene.attempt), "a batch lands behind the gap")
        scene.reported_losses = _newest_gap(stage)

    return play


def _newest_gap(stage: Stage) -> int:
    """Return how many lines the ledger's newest gap leaves out."""
    return next((head.gap.lines for head in batches(stage.manager.store, JOB) if head.gap), 0)


@fault(
    "F22.poison",
    "a batch that fails twice with the same error: given up, and quarantined by an operator",
    replaces=True,
    needs=frozenset({FAILPOINTS}),
    called="poisoned",
    within_s=180.0,
)
def poisoned(scene: Scene) -> None:
    stage = scene.stage
    stage.arm("count", "raise")
    stage.hit("count")
    scene.begins()
    stage.arm("count", "raise")
    stage.hit("count")
    stage.until(lambda: stage.manager.health(JOB).verdict is Verdict.POISONED, "the batch is known for poison")
    batch, judged = stage.manager.poisoned(JOB), stays_given_up(scene, 5.0, 10.0)
    scene.expected_losses = _lines_of(stage, batch)
    stage.manager.quarantine(JOB, judged, WHO, "the drill poisoned it")
    stage.until(lambda: stage.landed_after(scene.injected_at, judged), "a batch lands behind the gap")
    scene.reported_losses = _newest_gap(stage)


def _lines_of(stage: Stage, batch: int) -> int:
    """Return how many lines the checkpoint plans for a batch that has not landed."""
    plan = (newest(stage) / "offsets" / str(batch)).read_text().splitlines()[-1]
    frontier = numbers(stage.head().frontier)
    return sum(end - frontier.get(int(p), 0) for p, end in json.loads(plan)[TOPIC].items())


LOSS = {"called": "data_loss", "within_s": 60.0}
enlist("F19.retention", "unread lines deleted by retention", lost(retention), replaces=True, **LOSS)
enlist("F19.recreated", "the topic deleted with unread lines, and created again", lost(recreated), replaces=True, **LOSS)
