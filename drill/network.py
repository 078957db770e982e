"""Faults of the network: what cannot be reached must be called unknown, not dead.

All of a stack is on loopback. Where a port is cut, the kernel drops the packets (iptables); Kafka has one for the driver and one for all
others. Where one side is cut from Cassandra and the other is not, the proxy does it: it ends their connections and refuses new ones.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import psutil

from drill.cut import dropped
from drill.fault import IPTABLES, PROXY, Scene, enlist, fault, now_ms
from drill.proxy import CUT, PASS, everybody
from drill.runs import Runs
from drill.stage import JOB, Stage
from drill.steady import PAUSE_S, lands_again, master_page, of_driver, replaced, unharmed
from spark_jobs.runtime.kafka_address import KafkaAddress
from weir.addresses import ingest_kafka_address
from weir.errors import NotRunning
from weir.ports.cluster import DriverState
from weir.supervise.judge.report import Verdict

CUT_S = 25.0  # longer than the timeouts of clients (10 s)
REAL, PROXIED = frozenset({IPTABLES}), frozenset({PROXY})


@fault("F8.kafka", f"no packet between Kafka and its clients for {CUT_S:.0f} s", needs=REAL)
def kafka(scene: Scene) -> None:
    with unharmed(scene, CUT_S + PAUSE_S):
        with dropped(scene.stage, "kafka", "kafka_driver"):
            time.sleep(CUT_S)
        scene.healed()
        lands_again(scene)


def kafka_driver(*sides: str) -> Callable[[Scene], None]:
    """Cut the driver from Kafka; Airflow must see lines wait."""

    def play(scene: Scene) -> None:
        with unharmed(scene, CUT_S + PAUSE_S):
            with dropped(scene.stage, "kafka_driver", sides=sides):
                time.sleep(CUT_S)
                _waiting(scene.stage)
            scene.healed()
            lands_again(scene)

    return play


for word, sides, what in (
    ("driver", ("--dport", "--sport"), "between Kafka and the driver alone"),
    ("answers", ("--sport",), "from Kafka to the driver"),
):
    enlist(f"F8.kafka.{word}", f"no packet {what} for {CUT_S:.0f} s", kafka_driver(*sides), needs=REAL)


@fault(
    "F8.kafka.stalled",
    "no packet between Kafka and the driver alone until it is called stalled; its successors wait for the end of the cut",
    replaces=True,
    needs=REAL,
    called=Verdict.STALLED,
    within_s=120.0,
)
def kafka_stalled(scene: Scene) -> None:
    stage = scene.stage
    with dropped(stage, "kafka_driver"):
        stage.until(lambda: stage.head().attempt > scene.attempt, "the driver that lands nothing is replaced")
        time.sleep(CUT_S)
    replaced(scene)


@fault(
    "F8.kafka.airflow",
    f"no packet between Kafka and Airflow alone for {CUT_S:.0f} s: the lag is unknown, and the stream continues",
    needs=REAL,
    called=Verdict.UNKNOWN,
)
def kafka_airflow(scene: Scene) -> None:
    stage, kafka = scene.stage, scene.load.kafka
    _sent_by(scene, replace(ingest_kafka_address(stage.settings), servers=stage.settings.driver_kafka))
    with unharmed(scene):
        with dropped(stage, "kafka"):
            time.sleep(CUT_S)
            if (lag := stage.manager.observe(JOB).lag) is not None:
                raise NotRunning(f"The stream is said to be {lag} lines behind.", "Kafka cannot be reached: it must be unknown.")
        scene.healed()
        lands_again(scene)
    _sent_by(scene, kafka)


def _sent_by(scene: Scene, kafka: KafkaAddress | str) -> None:
    scene.load.hold()
    scene.load.begin_anew(kafka=kafka)
    scene.load.go_on()


def _waiting(stage: Stage) -> None:
    """Raise NotRunning unless lines wait, and nothing has landed for most of the cut."""
    if not stage.manager.observe(JOB).lag or stage.landed_after(now_ms() - int(500 * CUT_S)):
        raise NotRunning("The driver still lands batches.", "It was cut off from Kafka: lines must wait.")


@fault("F8.postgres", f"no packet between Airflow and its metadata database for {CUT_S:.0f} s", needs=REAL)
def metadata(scene: Scene) -> None:
    with unharmed(scene):
        with dropped(scene.stage, "postgres"):
            time.sleep(CUT_S)
        scene.healed()
        Runs(scene.stage).prove()


@fault("F8.rest", f"no packet between Airflow and the REST port of Spark's master for {CUT_S:.0f} s: unknown, and no restart", needs=REAL)
def rest(scene: Scene) -> None:
    with unharmed(scene):
        with dropped(scene.stage, "spark_rest"):
            _unknown(scene.stage)
            time.sleep(CUT_S)
            _unknown(scene.stage)
        scene.healed()


def driver_lost(last_words: bool) -> Callable[[Scene], None]:
    """Kill the driver while Spark's master cannot be reached. Its Python process may still report to the store, or die with it."""

    def play(scene: Scene) -> None:
        stage = scene.stage
        with dropped(stage, "spark_rest"):
            for process in of_driver(stage):
                if process.pid == stage.driver() or not last_words:
                    process.kill()
            scene.begins()
            _unknown(stage)
            time.sleep(CUT_S)
            _nothing_started(scene, may_try=last_words)
        replaced(scene)

    return play


def _nothing_started(scene: Scene, may_try: bool) -> None:
    """Raise NotRunning if there is a new attempt that nothing justifies, or one with a driver."""
    new = [a for a in scene.stage.manager.store.attempts(JOB) if a.attempt > scene.attempt]
    if any(a.submission_id for a in new) or (new and not may_try):
        raise NotRunning(f"Attempt {new[0].attempt} has taken over from {scene.attempt}: {new[0].reason}.", "Spark's master was cut off.")


for word, last_words, what in (("driver", True, "the driver's JVM"), ("lost", False, "all of the driver")):
    title = f"the REST port of Spark's master cut, and {what} killed: restarted afterwards"
    enlist(f"F8.rest.{word}", title, driver_lost(last_words), replaces=True, needs=REAL)


@fault(
    "F8.worker",
    "no packet between Spark's master and its worker until the driver is taken for lost",
    replaces=True,
    needs=REAL,
)
def worker(scene: Scene) -> None:
    """Cut the worker off. The driver lives on, and its successor must fence it. Both ports are cut: a restarted master connects to its
    workers itself, and they answer over that connection."""
    stage = scene.stage
    with dropped(stage, "spark_master", "spark_worker"):
        # The master checks every 30 s for workers that were silent for 30 s, so a cut of a fixed time may go unnoticed.
        stage.until(lambda: not master_page(stage)["aliveworkers"], "the master gives its worker up")
    replaced(scene)


def _unknown(stage: Stage) -> None:
    """Raise NotRunning unless the state of the driver is unknown."""
    seen = stage.manager.observe(JOB).driver
    if seen is not DriverState.UNKNOWN:
        raise NotRunning(f"The driver is said to be {seen}.", "Spark's master cannot be reached: it must be unknown.")


def cut_from_store(driver: bool) -> Callable[[Scene], None]:
    """Cut either the driver or everybody else from Cassandra."""

    def play(scene: Scene) -> None:
        stage, proxy = scene.stage, scene.stage.proxy
        assert proxy is not None
        mine = {process.pid for process in of_driver(stage)}
        with unharmed(scene, PAUSE_S + (CUT_S if driver else 0.0)):
            proxy.whom = lambda port: (_owner(port) in mine) is driver
            proxy.mode = CUT
            proxy.cut()
            try:
                time.sleep(CUT_S)
            finally:
                proxy.mode, proxy.whom = PASS, everybody
            scene.healed()
            lands_again(scene)

    return play


def _owner(port: int) -> int:
    """Return the pid of the process with a local port; 0 for none."""
    return next((link.pid or 0 for link in psutil.net_connections("tcp") if link.laddr and link.laddr.port == port), 0)


enlist("F8.store.driver", f"the driver cut from Cassandra for {CUT_S:.0f} s, Airflow not", cut_from_store(True), needs=PROXIED)
enlist("F8.store.airflow", f"Airflow cut from Cassandra for {CUT_S:.0f} s, the driver not", cut_from_store(False), needs=PROXIED)
