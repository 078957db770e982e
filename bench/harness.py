"""Measure the cost of work, run programs in ABBA order, and write reports of one form, for the programs of this folder.

On a shared machine seconds change from minute to minute. So programs that are compared take turns in one run (A B B A A B ...), CPU counts
more than the clock, and a ratio is formed within each round before its median is taken.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

import psutil

T = TypeVar("T")
QUIET, SETTLE_S = 10.0, 30.0  # % of the machine's CPU; how long a program waits for it at most


@dataclass(frozen=True)
class Cost:
    """The cost of a piece of work: wall clock and CPU in seconds, and the largest resident memory in MiB (0: not measured)."""

    wall_s: float
    cpu_s: float
    memory_mib: float = 0.0

    def beside(self, floor: Cost) -> dict[str, float]:
        """Return the ratios to another piece of work."""
        return {"wall": round(self.wall_s / floor.wall_s, 2), "cpu": round(self.cpu_s / floor.cpu_s, 2)}


def cost(work: Callable[[], T]) -> tuple[Cost, T]:
    """Do the work in this process, and return its cost, with that of the servers that this process started."""
    wall, cpu = time.monotonic(), used(psutil.Process())[0]
    result = work()
    return Cost(time.monotonic() - wall, used(psutil.Process())[0] - cpu), result


def used(process: psutil.Process) -> tuple[float, int]:
    """Return CPU seconds and resident bytes of a process and its children; CPU also of children that have ended.

    A child that is just being started shares the memory of its parent, and its command line: that memory is not counted twice.
    """
    seconds, resident, commands = 0.0, 0, dict[int, list[str]]()
    try:
        family = [process, *process.children(recursive=True)]
    except psutil.Error:
        return 0.0, 0
    for each in family:
        try:
            times, commands[each.pid] = each.cpu_times(), each.cmdline()
            resident += each.memory_info().rss if commands.get(each.ppid()) != commands[each.pid] else 0
        except psutil.Error:
            continue
        seconds += times.user + times.system + times.children_user + times.children_system
    return seconds, resident


def watch(process: psutil.Process, done: Callable[[], bool], look: Callable[[float], None] = lambda cpu_s: None) -> Cost:
    """Wait until `done()`. Return the cost of the process and its children, from its first instruction to then. `look` is called with the
    CPU seconds so far at each look."""
    began, cpu, memory = process.create_time(), 0.0, 0.0
    while True:
        ended = done()
        seconds, resident = used(process)
        cpu, memory = max(cpu, seconds), max(memory, resident / 2**20)
        look(cpu)
        if ended:
            return Cost(time.time() - began, cpu, memory)
        time.sleep(0.05)


def to_its_end(command: Sequence[str], env: Mapping[str, str], folder: Path) -> Cost:
    """Run a program to its end. Raises RuntimeError, with the end of its log, if it fails."""
    log = folder / "log"
    before, began, memory = os.times(), time.monotonic(), 0.0
    with log.open("wb") as out:
        child = psutil.Popen([*command], env={**os.environ, **env}, cwd=folder, stdout=out, stderr=out)
        while child.poll() is None:
            memory = max(memory, used(child)[1] / 2**20)
            time.sleep(0.05)
    if child.returncode:
        raise RuntimeError(f"{command[0]} ended with exit code {child.returncode}:\n{log.read_text(errors='replace')[-4000:]}")
    after = os.times()  # of ended children, which is exact; looks at a running one miss its end
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Cost(time.monotonic() - began, cpu, memory)


def abba(programs: Mapping[str, Callable[[], T]], rounds: int) -> dict[str, list[T]]:
    """Run all programs once in each round, in turns forwards and backwards, so that none always comes first."""
    found: dict[str, list[T]] = {name: [] for name in programs}
    for n in range(rounds):
        for name in list(programs)[:: -1 if n % 2 else 1]:
            settle()
            found[name].append(programs[name]())
    return found


def settle() -> None:
    """Wait until the machine is quiet. Broker and store still work for the last program, and what shares a cache costs more CPU."""
    deadline = time.monotonic() + SETTLE_S
    while psutil.cpu_percent(1.0) > QUIET and time.monotonic() < deadline:
        pass


@dataclass
class Report:
    """The figures of one run of one program."""

    program: str
    figures: dict[str, dict[str, Any]] = field(default_factory=dict)  # by name: `unit` and `samples`
    ratios: dict[str, list[float]] = field(default_factory=dict)  # by `a / b`: one a round
    wrong: list[str] = field(default_factory=list)  # what differs from the truth: then no figure counts
    began: str = field(default_factory=lambda: datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"))
    load_before: float = field(default_factory=lambda: round(os.getloadavg()[0], 1))

    def add(self, name: str, unit: str, *samples: float) -> None:
        """Add samples of a figure."""
        self.figures.setdefault(name, {"unit": unit, "samples": []})["samples"] += [float(f"{sample:.4g}") for sample in samples]

    def take(self, found: Mapping[str, Any], within: str = "") -> None:
        """Add all numbers of nested figures, each under its path; a path's last part names its unit."""
        for name, value in found.items():
            path = f"{within}, {name}" if within else name
            if isinstance(value, Mapping):
                self.take(value, path)
            elif isinstance(value, int | float) and not isinstance(value, bool):
                self.add(path, "", value)

    def compare(self, figure: str, other: str) -> None:
        """Add the ratios of two figures whose samples were taken in the same rounds."""
        pairs = zip(self.figures[figure]["samples"], self.figures[other]["samples"], strict=True)
        self.ratios[f"{figure} / {other}"] = [float(f"{a / b:.3g}") for a, b in pairs]

    def middle(self, name: str) -> float:
        """Return the median of a figure, or of a ratio."""
        return median(self.ratios[name] if name in self.ratios else self.figures[name]["samples"])

    def show(self) -> None:
        for name, figure in self.figures.items():
            print(f"{name:<58} {spread(figure['samples']):>28} {figure['unit']}")
        for name, samples in self.ratios.items():
            print(f"{name:<58} {spread(samples):>28} times")
        for each in self.wrong[:10]:
            print("WRONG:", each)

    def end(self, file: Path | None) -> int:
        """Show the report, write it, and return the exit code: 1 if a count is wrong."""
        self.show()
        if file:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps({**asdict(self), "machine": machine()}, indent=1) + "\n")
        return 1 if self.wrong else 0


def spread(samples: Sequence[float]) -> str:
    """Return `median (least to largest)` for people."""
    middle = f"{median(samples):,.4g}"
    return middle if len(samples) == 1 else f"{middle} ({min(samples):,.4g} to {max(samples):,.4g})"


def machine() -> dict[str, Any]:
    """Describe the machine, without its name."""
    model = next((line.partition(":")[2].strip() for line in _cpu_lines() if line.startswith("model name")), platform.machine())
    return {"cores": os.cpu_count(), "memory_gib": round(psutil.virtual_memory().total / 2**30), "processor": model}


def _cpu_lines() -> Sequence[str]:
    info = Path("/proc/cpuinfo")
    return info.read_text().splitlines() if info.exists() else ()


def options(description: str | None) -> argparse.ArgumentParser:
    """Return the options that each program has."""
    asked = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--json", type=Path, help="also write the figures to this file")
    asked.add_argument("--home", type=Path, help="keep everything in this folder, such as the logs")
    return asked
