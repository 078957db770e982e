"""Faults of the servers below the stream: killed, hanging, slow, answers lost, disks full."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from functools import partial

from drill import disk
from drill.fault import PROXY, ROOT, Play, Scene, enlist
from drill.proxy import DROP_ANSWERS, PASS, SLOW
from drill.stage import JOB, WHO
from drill.steady import PAUSE_S, lands_again, unharmed

AWAY_S = 20.0  # longer than the clients' own timeouts of 10 s
FULL_S = 20.0


def killed(part: str) -> Callable[[Scene], None]:
    """Kill -9 a part; the stack's supervisor restarts it."""

    def play(scene: Scene) -> None:
        scene.stage.await_part(part, scene.stage.kill(part))
        scene.healed()

    return play


def spared(play: Play, pause_s: float = PAUSE_S) -> Play:
    """The same, and the driver must stay the same and the only one."""

    def play_and_look(scene: Scene) -> None:
        with unharmed(scene, pause_s):
            play(scene)
            lands_again(scene)

    return play_and_look


def hung(part: str) -> Callable[[Scene], None]:
    """Stop a part for a while: it keeps its connections and answers nothing."""

    def play(scene: Scene) -> None:
        scene.stage.kill(part, signal.SIGSTOP)
        try:
            time.sleep(AWAY_S)
        finally:
            scene.stage.kill(part, signal.SIGCONT)
        scene.stage.await_part(part)
        scene.healed()

    return play


def behind_proxy(mode: str) -> Callable[[Scene], None]:
    """Let the proxy in front of Cassandra misbehave for a while."""

    def play(scene: Scene) -> None:
        proxy = scene.stage.proxy
        assert proxy is not None
        proxy.mode = mode
        try:
            time.sleep(AWAY_S)
        finally:
            proxy.mode = PASS
            proxy.cut()
        scene.healed()

    return play


enlist("F2.worker", "Spark's worker killed", killed("spark-worker"), replaces=True)
enlist("F2.master", "Spark's master killed: the driver must survive", spared(killed("spark-master")))
# A killed Cassandra is back after half a minute, on a busy machine after more than one minute.
AWAY = 3 * PAUSE_S
enlist("F5.kill", "Kafka killed", spared(killed("kafka"), AWAY))
enlist("F5.hang", f"Kafka hangs for {AWAY_S:.0f} s", spared(hung("kafka"), AWAY))
enlist("F6.kill", "Cassandra killed", spared(killed("cassandra"), AWAY))
enlist("F6.hang", f"Cassandra hangs for {AWAY_S:.0f} s", spared(hung("cassandra"), AWAY))
STORE = frozenset({PROXY})
answers, slow = spared(behind_proxy(DROP_ANSWERS), AWAY), spared(behind_proxy(SLOW), AWAY)
enlist("F7.answers", f"Cassandra takes writes, its answers are lost for {AWAY_S:.0f} s", answers, needs=STORE)
enlist("F7.slow", f"Cassandra answers 2 s late for {AWAY_S:.0f} s", slow, needs=STORE)


def full(part: str, where: str, room_mib: int) -> Callable[[Scene], None]:
    """Fill the disk under a part's folder for a while; it has `room_mib` free at first."""

    def play(scene: Scene) -> None:
        stage = scene.stage
        away = partial(disk.ended, stage, part) if part else partial(disk.stopped, stage)
        with disk.small(stage, away, stage.home / where, room_mib) as filled:
            stage.until(lambda: stage.landed_after(scene.injected_at), "a batch lands on the small disk")
            scene.begins()
            with filled():
                time.sleep(FULL_S)
            restart = partial(stage.manager.restart, JOB, who=WHO, reason="the disk has room again")
            stage.until(restart, "the job is restarted")  # Cassandra ended because of its full disk, and is restarting
            stage.until(lambda: stage.landed_after(scene.injected_at, scene.attempt), "a batch lands with room again")
        scene.healed()

    return play


ENDS = frozenset({"diverged", "stopped"})  # not poisoned: a full disk is an outage
for part, where, room_mib in (("", "checkpoints", 16), ("kafka", "kafka/data", 128), ("cassandra", "cassandra/data/commitlog", 128)):
    name, needs = where.partition("/")[0], frozenset({ROOT})
    enlist(f"F13.{name}", f"the disk under {where} full", full(part, where, room_mib), replaces=True, needs=needs, verdicts=ENDS)
