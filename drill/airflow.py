"""Faults of Airflow itself: each of its servers, and all of them, killed and away for a while. The stream must not be affected."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from drill import disk
from drill.fault import ROOT, Scene, enlist, fault
from drill.keeper import AIRFLOW, away
from drill.runs import Runs
from drill.steady import replaced, unharmed

AWAY_S, LONG_S = 30.0, 600.0
LOG_ROOM_MIB = 16


def killed(parts: Sequence[str], seconds: float) -> Callable[[Scene], None]:
    """Kill parts and keep them away. When they are back, Airflow must work and must not have touched the stream."""

    def play(scene: Scene) -> None:
        with unharmed(scene):
            with away(scene.stage, parts, seconds):
                pass
            scene.healed()
            Runs(scene.stage).prove()

    return play


for part in AIRFLOW:
    name = part.removeprefix("airflow-")
    enlist(f"F9.{name}", f"Airflow's {name} killed, and away for {AWAY_S:.0f} s", killed([part], AWAY_S))
enlist("F9.all", f"all of Airflow killed at once, and away for {AWAY_S:.0f} s", killed(AIRFLOW, AWAY_S))
enlist("F9.long", f"all of Airflow killed at once, and away for {LONG_S / 60:.0f} min", killed(AIRFLOW, LONG_S), long=True)


@fault("F9.driver", "the driver killed while all of Airflow is away", replaces=True)
def driver_meanwhile(scene: Scene) -> None:
    """Kill the driver while nothing watches it. It must be started again when Airflow is back."""
    with away(scene.stage, AIRFLOW):
        scene.stage.signal_driver(signal.SIGKILL)
        scene.begins()
        scene.pause(10.0, 15.0)
    replaced(scene)


@contextmanager
def without_room(scene: Scene) -> Iterator[None]:
    """Within the block Airflow cannot write its logs; afterwards it must work."""
    stage = scene.stage
    with disk.small(stage, partial(disk.ended, stage, *AIRFLOW), stage.home / "airflow" / "logs", LOG_ROOM_MIB) as filled:
        Runs(stage).prove()
        scene.begins()
        with filled():
            yield
        scene.healed()
        Runs(stage).prove()


@fault("F13.logs", f"the disk under Airflow's logs full for {AWAY_S:.0f} s", needs=frozenset({ROOT}))
def no_room_for_logs(scene: Scene) -> None:
    with unharmed(scene), without_room(scene):
        time.sleep(AWAY_S)


@fault(
    "F13.logs.driver",
    "the disk under Airflow's logs full, and the driver killed: the watch must see it",
    replaces=True,
    needs=frozenset({ROOT}),
)
def driver_without_room_for_logs(scene: Scene) -> None:
    with without_room(scene):
        scene.stage.signal_driver(signal.SIGKILL)
        replaced(scene)
