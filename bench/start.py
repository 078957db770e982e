"""Measure the start of a driver, compared with a minimal Spark stream.

    python bench/start.py [--rounds 5] [--json FILE]

Starts its own Kafka with a few thousand lines. Each round runs a rehearsal of `error_counts` and `bench/bare.py`, alternating which comes
first, as a worker starts a driver: the same JVM options, jars and class archive. `cpu_s` is the median of all processes of a run, from
their first instruction to their end. `ratio` is the job divided by the minimal stream: the part of a cold start that Weir can improve. The
archive is the installation's, made a minute after its first `make up`; `archive` says whether it existed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "plugins")]

from bench.drain import fill  # noqa: E402
from tests.parts import running  # noqa: E402
from weir.counts.rehearsal import rehearsal  # noqa: E402
from weir.factory import source_of  # noqa: E402
from weir.local import ports, secrets  # noqa: E402
from weir.local.class_archive import archive  # noqa: E402
from weir.local.part import Stack  # noqa: E402
from weir.local.process import last_lines  # noqa: E402
from weir.local.rehearse import WITHIN_S, command  # noqa: E402
from weir.local.spark import driver_env, driver_jars, spark_home  # noqa: E402
from weir.ports.cluster import Submission  # noqa: E402
from weir.settings import Settings  # noqa: E402

JOB, TOPIC, LINES = "error_counts", "logs", 10_000


def started(asked: Submission, stack: Stack) -> dict[str, float]:
    """Run one driver to its end. If it fails, stop with the end of its log."""
    before, began, written = os.times(), time.monotonic(), stack.home / "driver.log"
    with written.open("wb") as log:
        env = {**driver_env(stack), **asked.env}
        ended = subprocess.run(command(asked, spark_home()), env=env, cwd=stack.home, stdout=log, stderr=log, timeout=WITHIN_S)
    if ended.returncode:
        sys.exit(f"{asked.application} ended with exit code {ended.returncode}:\n{last_lines(written)}")
    after = os.times()
    cpu_s = after.children_user + after.children_system - before.children_user - before.children_system
    return {"cpu_s": cpu_s, "wall_s": time.monotonic() - began}


def measure(home: Path, rounds: int) -> dict[str, list[dict[str, float]]]:
    """Run the job and the minimal stream in all rounds."""
    driver_jars()
    stack = Stack(home, ports.WANTED, secrets.load_or_create(home))
    with running(home, "kafka") as found:
        settings = replace(Settings.load(), kafka=found.kafka)
        fill(settings, TOPIC, LINES)
        job = rehearsal(settings, JOB, source_of(settings))
        of = {"job": job, "bare": replace(job, application=str(PROJECT / "bench" / "bare.py"))}
        runs: dict[str, list[dict[str, float]]] = {name: [] for name in of}
        for n in range(rounds):
            for name in sorted(of, reverse=bool(n % 2)):  # alternating, so that neither always comes first
                runs[name].append(started(of[name], stack))
                print(f"{n + 1:>3}  {name:<5}" + "".join(f"  {what} {value:.1f}" for what, value in runs[name][-1].items()), flush=True)
        return runs


def summary(runs: dict[str, list[dict[str, float]]]) -> dict[str, Any]:
    medians = {name: {what: median(run[what] for run in found) for what in found[0]} for name, found in runs.items()}
    told: dict[str, Any] = {name: {what: round(value, 1) for what, value in found.items()} for name, found in medians.items()}
    return {**told, "ratio": round(medians["job"]["cpu_s"] / medians["bare"]["cpu_s"], 2), "archive": archive(spark_home()).exists()}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--json", type=Path, help="also write the figures to this file")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="weir-start-") as home:
        told = summary(measure(Path(home), chosen.rounds))
    print(json.dumps(told, indent=2))
    if chosen.json:
        chosen.json.write_text(json.dumps(told, indent=2) + "\n")


if __name__ == "__main__":
    main()
