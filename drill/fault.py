"""A fault, and the matrix of all faults. The numbers are those in docs/drill.md."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from random import Random

from drill.generator import Mix
from drill.load import Load
from drill.stage import Stage
from weir.errors import BadInput

OK = frozenset({"ok", "idle", "starting", "catching_up", "unknown", "down"})  # verdicts that do not wake anybody
MIX = Mix(events_per_s=500)
FAILPOINTS, PROXY, ROOT = "fail-points", "a proxy before Cassandra", "root"
OWN_DAGS, OWN_JOBS, IPTABLES = "a folder of DAGs of its own", "a folder of jobs of its own", "root and iptables"


@dataclass
class Scene:
    """One fault being played: the stage, its load, its random numbers, and results of the fault."""

    stage: Stage
    load: Load
    random: Random
    start_ms: int  # event time of the load's first line
    attempt: int  # the current one when the fault began
    schedule: list[str] = field(default_factory=list)
    injected_at: int = 0  # ms; when the fault began
    healed_at: int = 0  # ms; when what was broken worked again, for faults that do not end the driver
    expected_losses: int = 0  # lines, for faults that lose data
    reported_losses: int = 0
    notes: list[str] = field(default_factory=list)

    def begins(self) -> None:
        """Mark the beginning of the fault: everything before was preparation."""
        self.injected_at = now_ms()

    def healed(self) -> None:
        self.healed_at = now_ms()

    def pause(self, least: float, most: float) -> None:
        """Let the load continue for a random time."""
        seconds = self.random.uniform(least, most)
        self.schedule.append(f"{seconds:.1f} s of load")
        time.sleep(seconds)


def now_ms() -> int:
    return int(time.time() * 1000)


Play = Callable[[Scene], None]


@dataclass(frozen=True)
class Fault:
    """A fault. `name` is such as `F1.claim` or `F6`. `replaces`: another driver runs afterwards. `verdicts` do not count as false alarms.
    `called`: the verdict that the watch must give within `within_s` of the fault; empty for none.

    `long`: it takes so long that only its name or the whole matrix chooses it, not its number.
    """

    name: str
    title: str
    play: Play
    replaces: bool = False
    needs: frozenset[str] = frozenset()
    verdicts: frozenset[str] = frozenset()
    called: str = ""
    within_s: float = 60.0
    mix: Mix = MIX
    lines_per_s: float = 2000.0
    long: bool = False

    @property
    def number(self) -> str:
        return self.name.partition(".")[0]


MATRIX: dict[str, Fault] = {}


def fault(name: str, title: str, **options: object) -> Callable[[Play], Play]:
    """Register a function as a fault."""

    def enter(play: Play) -> Play:
        enlist(name, title, play, **options)
        return play

    return enter


def enlist(name: str, title: str, play: Play, **options: object) -> None:
    MATRIX[name] = Fault(name, title, play, **options)  # type: ignore[arg-type]


def chosen(only: Iterable[str]) -> list[Fault]:
    """Return the faults of these names or numbers; a number leaves out its long ones. All faults for none.

    Raises BadInput that lists the faults.
    """
    wanted = list(only)
    for name in wanted:
        if not any(name in (each.name, each.number) for each in MATRIX.values()):
            raise BadInput(f"only: there is no fault {name!r}.", f"There are: {', '.join(MATRIX)}.")
    found = [each for each in MATRIX.values() if not wanted or each.name in wanted or (each.number in wanted and not each.long)]
    return sorted(found, key=lambda each: int(each.number[1:]))


def missing(each: Fault, stage: Stage) -> str:
    """Return what a fault needs and this stage lacks; empty if the fault can be played."""
    have = {
        FAILPOINTS: stage.has_failpoints(),
        PROXY: stage.proxy is not None,
        ROOT: os.geteuid() == 0,
        OWN_DAGS: stage.dags.is_dir(),
        OWN_JOBS: stage.jobs.is_dir(),
        IPTABLES: os.geteuid() == 0 and shutil.which("iptables") is not None,
    }
    return ", ".join(sorted(need for need in each.needs if not have[need]))
