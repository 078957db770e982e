"""Faults of the input: malformed lines, a line from the future, late lines, no lines at all, partitions added."""

from __future__ import annotations

import gzip
from collections.abc import Callable

from confluent_kafka.admin import NewPartitions

from drill.fault import Scene, enlist, fault, now_ms
from drill.generator import Mix, Truth
from drill.load import TOPIC
from drill.stage import JOB
from drill.steady import PAUSE_S, unharmed
from spark_jobs.protocol.partition import numbers
from weir.counts.folding import fold_many, pending, sweep_many, sweepable
from weir.errors import NotProven, NotRunning
from weir.local.kafka import admin, owner_of
from weir.supervise.judge.report import Verdict

LATE_S = 7200
QUIET_S, HOUR_S = 1.5 * PAUSE_S, 3600.0  # the first is longer than what makes a stream with input a stalled one
YEAR_2099_MS = 4_070_908_800_000

# Lines that are no log lines, and the reason for rejection, written by hand.
CORPUS: tuple[tuple[bytes, str], ...] = (
    (b"", "empty"),
    (b"\x00" * 40, "not_a_log_line"),
    (b"\r", "not_a_log_line"),
    (b"\xff\xfe\xfd", "not_utf8"),
    (gzip.compress(b"[Fri Dec 20 01:46:23 2015] [error] x", mtime=0), "not_utf8"),
    (b'{"a":' * 2000 + b"1" + b"}" * 2000, "not_a_log_line"),
    (b"=cmd|' /C calc'!A0", "not_a_log_line"),
    (b"\x1b[2J\x1b]0;owned\x07", "not_a_log_line"),
    (b"x" * 1024 * 1024, "too_long"),
    (b"[] []", "not_a_log_line"),
    (b"[Fri Dec 20 01:46:23 2015] error no brackets", "not_a_log_line"),
    (b"[Fri Dec 20 01:46:23 9999] [error] the end of time", "future"),
    (b"[Fri Dec 20 01:46:23 -015] [error] before time", "bad_time"),
    (b"[Fri Dec 32 01:46:23 2015] [error] no such day", "bad_time"),
    (b"[Fri Foo 20 01:46:23 2015] [error] no such month", "bad_time"),
    (b"[Fri Dec 20 25:46:23 2015] [error] no such hour", "bad_time"),
    (b"[Fri Dec 20 01:46:2Z 2015] [error] not a digit", "bad_time"),
)


@fault("F16", "malformed lines of every kind, one line in five", mix=Mix(events_per_s=500, bad_share=0.2))
def malformed(scene: Scene) -> None:
    for _ in range(20):
        truth = Truth(0)
        truth.rejected.update(reason for _, reason in CORPUS)
        scene.load.add([(b"corpus", line) for line, _ in CORPUS], truth)
        scene.pause(0.1, 0.5)


@fault("F17", "lines dated 2099 on every partition")
def from_the_future(scene: Scene) -> None:
    line, partitions = b"[Thu Jan 01 00:00:00 2099] [error] a clock gone wrong", scene.load.partitions
    truth = Truth(0)
    truth.rejected["future"] = partitions
    scene.load.add([(b"future", line)] * partitions, truth)
    scene.pause(3.0, 5.0)
    watermark = scene.stage.head().progress.watermark or 0
    if watermark > YEAR_2099_MS - 86_400_000:
        raise NotRunning(f"The watermark is {watermark}: one line of 2099 has closed every pane.", "The rule for the future does not hold.")


@fault("F18.late", f"one line in three late by {LATE_S} s, folded meanwhile", mix=Mix(events_per_s=500, late_share=0.3, late_by_s=LATE_S))
def late(scene: Scene) -> None:
    """Late lines reopen hours that were folded and swept; folding them again must add up."""
    store, folds = scene.stage.manager.store, 0
    for _ in range(5):
        scene.pause(1.0, 3.0)
        places = pending(store, JOB)
        folds += len(fold_many(store, JOB, places, now_ms()))
        sweep_many(store, JOB, sweepable(store, JOB, now_ms(), 0), now_ms(), 0)
    marked = sum(head.totals.late for head in store.ledger(JOB) if head.landed_at >= scene.injected_at)
    scene.notes.append(f"{marked} lines were marked late; hours and shards were folded {folds} times")
    if not marked:
        raise NotProven("No line was marked late.", "The load has thousands.")


@fault("F18.idle", "all lines on one partition, the others idle")
def idle_partitions(scene: Scene) -> None:
    stage, everywhere, before = scene.stage, scene.load.partitions, scene.stage.head().progress.watermark
    scene.load.partitions = 1
    moved = lambda: stage.head().progress.watermark != before  # noqa: E731
    stage.until(moved, "the watermark moves without the idle partitions", 10 * stage.rules.lateness / 1000)
    scene.load.partitions = everywhere


def quiet(seconds: float) -> Callable[[Scene], None]:
    """Send no lines for so long: the stream must be called idle and left alone."""

    def play(scene: Scene) -> None:
        stage = scene.stage
        scene.load.hold()
        stage.await_landed()
        scene.begins()
        with unharmed(scene, seconds + 2 * PAUSE_S):
            scene.pause(seconds, seconds)
            report = stage.until(lambda: stage.manager.health(JOB), "the store answers")
            if report.verdict is not Verdict.IDLE:
                raise NotRunning(f"After {seconds:.0f} s without a line: {report.sentence}.", "It must be called idle.")
            scene.healed()
            scene.load.go_on()
            stage.until(lambda: stage.landed_after(scene.healed_at), "lines land again")

    return play


enlist("F18.quiet", f"no line for {QUIET_S:.0f} s: idle, and left alone", quiet(QUIET_S))
enlist("F18.hour", "no line for an hour: idle, and left alone", quiet(HOUR_S), long=True)


@fault("F19.partitions", "partitions added to the topic")
def more_partitions(scene: Scene) -> None:
    wanted = scene.load.partitions + 1
    client = admin(owner_of(scene.stage.settings))  # keep a reference: the answer is lost when the client is collected
    client.create_partitions([NewPartitions(TOPIC, wanted)])[TOPIC].result(30)
    scene.stage.until(lambda: len(scene.stage.broker.partitions(TOPIC)) == wanted, "the topic has another partition")
    scene.load.hold()
    scene.load.begin_anew(wanted)
    scene.load.go_on()
    scene.stage.until(lambda: numbers(scene.stage.head().frontier).get(wanted - 1, 0) > 0, "lines of the new partition land")
