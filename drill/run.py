"""Play faults one after another, with a result row for each."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from drill.check import Comparison, compare, faults_of, rejected_so_far, stored_cells
from drill.fault import OK, Fault, Scene, missing, now_ms
from drill.generator import Generator
from drill.load import TOPIC, Load, told
from drill.stage import JOB, PATIENCE_S, Stage
from spark_jobs.counts.cells import HOUR_MS
from weir.addresses import ingest_kafka_address
from weir.errors import WeirError
from weir.factory import store

log = logging.getLogger(__name__)
FIRST_HOUR = 1_769_904_000_000  # 1 February 2026: after the sample, so that the first lines of a load are not late


@dataclass(frozen=True)
class Row:
    """The result of one fault. Times are in seconds, None if not applicable; `failed` is empty if all is right."""

    fault: str
    title: str
    detect_s: float | None = None
    landed_s: float | None = None
    lines: int = 0
    duplicates: int = 0
    losses: int = 0
    reported_losses: int = 0
    rejected: int = 0
    false_alarms: int = 0
    seed: int = 0
    skipped: str = ""
    failed: str = ""
    schedule: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return {name: list(value) if isinstance(value, tuple) else value for name, value in vars(self).items()}


def play(stage: Stage, faults: Iterable[Fault], seed: int, run: int) -> Iterable[Row]:
    """Yield a row for each fault as soon as it is done. The same seed gives the same schedule."""
    for n, fault in enumerate(faults):
        reason = missing(fault, stage)
        if reason:
            yield Row(fault.name, fault.title, seed=seed, skipped=f"needs {reason}")
        else:
            yield _played(stage, fault, seed, FIRST_HOUR + (run * 100 + n) * HOUR_MS)


def _played(stage: Stage, fault: Fault, seed: int, start_ms: int) -> Row:
    """Return the row of a fault, also if it could not begin because a part was still away after the previous fault."""
    try:
        player = _Player(stage, fault, seed, start_ms)
    except WeirError as error:
        return Row(fault.name, fault.title, seed=seed, failed=str(error))
    return player.row()


class _Player:
    """Plays one fault, under a load with its own hour."""

    def __init__(self, stage: Stage, fault: Fault, seed: int, start_ms: int) -> None:
        self._stage, self._fault, self._seed = stage, fault, seed
        services = tuple(f"{fault.name.lower()}-{seed}-{name}" for name in ("web", "shop"))
        generator = Generator(seed, start_ms, replace(fault.mix, services=services), stage.rules.pane)
        self._services = set(services)
        self._truth = stage.home / "truth" / f"{fault.name}-{seed}.jsonl"
        self._truth.parent.mkdir(exist_ok=True)
        self._truth.unlink(missing_ok=True)
        load = Load(ingest_kafka_address(stage.settings), len(stage.broker.partitions(TOPIC)), generator, self._truth, fault.lines_per_s)
        chance = Random(f"{seed} {fault.name}")
        self._scene = Scene(stage, load, chance, start_ms, stage.head().attempt)

    def row(self) -> Row:
        stage = self._stage
        try:
            stage.await_landed()  # leftovers of a failed fault must not count here: rejected lines have no service
            self._rejected = rejected_so_far(stage.manager.store, JOB)
            self._began = now_ms()
            self._play()
            return self._judged()
        except WeirError as error:
            return replace(self._blank(), failed=str(error))
        except Exception as error:  # an unexpected error is a row, too, and the next faults are still played
            log.exception(self._fault.name)
            return replace(self._blank(), failed=f"the drill itself failed: {error!r}")
        finally:
            stage.disarm()

    def _blank(self) -> Row:
        scene = self._scene
        return Row(self._fault.name, self._fault.title, seed=self._seed, schedule=tuple(scene.schedule), notes=tuple(scene.notes))

    def _play(self) -> None:
        stage, scene = self._stage, self._scene
        scene.load.start()
        stage.until(lambda: stage.landed_after(self._began), "a first batch of the load has landed")
        scene.pause(0.5, 3.0)
        scene.begins()
        try:
            self._fault.play(scene)
            self._first = stage.until(self._first_landed, "a batch lands again")
        finally:
            scene.load.stop()
        stage.await_landed()

    def _first_landed(self) -> Any:
        """Return the first batch that landed by another attempt, or after everything was healed."""
        return self._stage.landed_after(self._from(), self._scene.attempt if self._fault.replaces else 0)

    def _from(self) -> int:
        """Return when (ms) the wait for that batch began. A driver that dies is replaced before everything else is healed."""
        return self._scene.injected_at if self._fault.replaces else self._scene.healed_at or self._scene.injected_at

    def _judged(self) -> Row:
        scene, found, verdicts = self._scene, self._compared(), self._verdicts()
        alarms = sorted(verdicts.keys() - OK - self._fault.verdicts - {self._fault.called})
        faults = faults_of(found, scene.expected_losses, scene.reported_losses, alarms)
        return replace(
            self._blank(),
            detect_s=self._detected(),
            landed_s=(self._first.landed_at - self._from()) / 1000,
            lines=found.lines,
            duplicates=found.duplicates,
            losses=found.losses,
            reported_losses=scene.reported_losses,
            rejected=found.rejected,
            false_alarms=len(alarms),
            failed="; ".join([*faults, *called_in_time(verdicts, self._fault.called, self._fault.within_s)]),
        )

    def _compared(self) -> Comparison:
        truth, stage = told(self._truth), self._stage
        with closing(store(stage.settings, PATIENCE_S)) as patient:  # a Cassandra that was just restarted may need longer than a tick waits
            rejected = Counter(rejected_so_far(patient, JOB))
            cells = stored_cells(patient, JOB, truth, self._services, stage.rules.pane)
        rejected.subtract(self._rejected)
        return compare(truth, cells, +rejected)

    def _detected(self) -> float | None:
        """Return the seconds from the fault to the first timeline entry about it."""
        moments = [e.at for e in self._stage.manager.store.events(JOB, 200) if e.at >= self._scene.injected_at and e.kind != "note"]
        return (min(moments) - self._scene.injected_at) / 1000 if moments else None

    def _verdicts(self) -> dict[str, float]:
        """Return the verdicts since the fault, each with the seconds until it was first given."""
        began, events = self._scene.injected_at, self._stage.manager.store.events(JOB, 200)  # newest first
        return {str(e.detail.get("verdict")): (e.at - began) / 1000 for e in events if e.at >= began and e.kind == "verdict"}


def called_in_time(verdicts: Mapping[str, float], called: str, within_s: float) -> list[str]:
    """Return what is wrong if the job must have this verdict within a time; empty if nothing."""
    if not called:
        return []
    if called not in verdicts:
        return [f"the job was never called {called}"]
    return (
        [f"the job was called {called} after {verdicts[called]:.0f} s, later than {within_s:.0f} s"] if verdicts[called] > within_s else []
    )
