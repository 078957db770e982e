"""Measure the time from `kill -9` of a driver to its successor's first landed batch, repeatedly, under a steady load.

    python bench/recovery.py [--kills 20] [--rate 2000] [--standby] [--flink DIR] [--json FILE] [--home DIR]

Starts its own stack, and waits until the class archive is made, as it is a minute after the first `make up`. Each kill comes when the
stream has caught up; with `--standby` the job's spec says `standby: warm`, and a kill comes when the standby is ready. All times are by
this machine's clock: `seen` is the decision on the successor, `landed` its first landed batch. At the end all counts are compared with what
was sent; if any differ, the figures do not count, and the exit code is 1. With `--flink` the stream is then stopped, and Flink counts the
same lines and is killed as often: see bench/flink.py. `ratio` is Weir's median divided by Flink's. Seconds depend on the machine and its
other load; `load` is the load average at each kill.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from statistics import quantiles
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "plugins")]

from bench import flink  # noqa: E402
from bench.harness import Report, options  # noqa: E402
from drill import run, stage  # noqa: E402
from drill.driver import killed_and_back  # noqa: E402
from drill.fault import MIX, Fault, Scene  # noqa: E402
from drill.generator import Generator  # noqa: E402
from drill.load import TOPIC, Load, told  # noqa: E402
from drill.stage import JOB, WHO, Stage  # noqa: E402
from weir.local.class_archive import archive  # noqa: E402
from weir.local.rehearse import WITHIN_S  # noqa: E402
from weir.local.report import Lines  # noqa: E402
from weir.local.spark import spark_home  # noqa: E402
from weir.local.stack import told_to_end  # noqa: E402
from weir.supervise.judge.standby import in_a_word  # noqa: E402

LINES = replace(MIX, bad_share=0.0)  # for Flink: malformed lines are not compared
CALM_LINES = 10_000  # kill only when at most so many lines have not landed

Kill = dict[str, float]


def kill_once(at: Stage) -> Kill:
    """Kill the driver and wait for its successor's first batch. Return the seconds since the kill."""
    load = os.getloadavg()[0]
    killed, landed = killed_and_back(at)
    row = next(a for a in at.manager.store.attempts(JOB) if a.attempt == landed.by)
    return {
        "seen": (row.taken_at - killed) / 1000,
        "landed": (landed.landed_at - killed) / 1000,
        "lines": landed.totals.lines,
        "load": load,
    }


def calm(at: Stage) -> bool:
    """Return whether the current attempt has caught up."""
    seen = at.manager.observe(JOB)
    return seen.head is not None and seen.landed_attempt == seen.head.attempt and seen.lag is not None and seen.lag < CALM_LINES


def warm(at: Stage) -> bool:
    """Return whether a standby is ready."""
    return in_a_word(at.manager.observe(JOB)) == "ready"


def with_budget(jobs: Path, kills: int, standby: bool) -> None:
    """Let the spec allow all kills at once: from the sixth in ten minutes on, restarts wait on purpose. Switch the standby on if asked."""
    file = jobs / JOB / "job.yaml"
    text = file.read_text()
    assert "budget: 5\n" in text
    file.write_text(text.replace("budget: 5\n", f"budget: {kills}\n") + ("standby: warm\n" if standby else ""))


def all_kills(count: int, found: list[Kill], standby: bool) -> Any:
    """Play the kills as a fault, with the drill's load and comparison."""

    def play(scene: Scene) -> None:
        for n in range(count):
            scene.stage.until(lambda: calm(scene.stage), "the stream has caught up")
            if standby:
                scene.stage.until(lambda: warm(scene.stage), "a standby is ready")
            scene.pause(0.0, 2.0)
            found.append(kill_once(scene.stage))
            print(f"{n + 1:>3}  " + "  ".join(f"{name} {value:.1f}" for name, value in found[-1].items()), flush=True)

    return play


def summary(found: list[Kill]) -> dict[str, dict[str, float]]:
    """Return median, 95th percentile and maximum in seconds; empty for fewer than two kills."""
    if len(found) < 2:
        return {}
    rows = {name: [kill[name] for kill in found] for name in ("seen", "landed") if name in found[0]}
    cuts = {name: quantiles(values, n=20, method="inclusive") for name, values in rows.items()}
    return {name: {"p50": round(cut[9], 2), "p95": round(cut[18], 2), "max": round(max(rows[name]), 2)} for name, cut in cuts.items()}


def flink_kills(at: Stage, distribution: Path, count: int, rate: float, spare: bool) -> dict[str, Any]:
    """Measure Flink on the same topic, while the stream is stopped and the rest of the stack runs."""
    at.manager.stop(JOB, WHO, "Flink has its turn")
    truth, found, kafka = at.home / "truth" / "flink.jsonl", [], at.settings.kafka
    truth.unlink(missing_ok=True)
    with flink.running(at.home / "flink", distribution, kafka, spare) as cluster:
        load = Load(kafka, len(at.broker.partitions(TOPIC)), Generator(1, run.FIRST_HOUR, LINES), truth, rate)
        load.start()
        try:
            for n in range(count):
                cluster.until(lambda: cluster.counted() > load.sent - CALM_LINES, "it has caught up")
                found.append(cluster.kill_once())
                print(f"{n + 1:>3}  flink  " + "  ".join(f"{name} {value:.1f}" for name, value in found[-1].items()), flush=True)
        finally:
            load.stop()
        return {"kills": found, "seconds": summary(found), "lines": load.sent, "failed": cluster.differs(told(truth).panes)}


def main() -> int:
    asked = options(__doc__)
    asked.add_argument("--kills", type=int, default=20)
    asked.add_argument("--rate", type=float, default=2000, help="lines a second")
    asked.add_argument("--standby", action="store_true", help="with a standby in the job's spec")
    asked.add_argument("--flink", type=Path, help="a distribution of Flink 2, which is measured, too")
    chosen = asked.parse_args()
    report = Report("standby" if chosen.standby else "recovery")
    with tempfile.TemporaryDirectory(prefix="weir-recovery-") as temporary:
        figures = measure(chosen, chosen.home or Path(temporary))
    for who, part in figures.items():
        report.wrong += [f"{who}: {part['failed']}"] if part["failed"] else []
        report.take({who: part["seconds"]})
        for name in [name for name in ("seen", "landed", "load") if name in part["kills"][0]]:
            report.add(f"{who}, {name}, each kill", "s" if name != "load" else "", *(kill[name] for kill in part["kills"]))
    if len(figures) == 2:
        report.compare("weir, landed, p50", "flink, landed, p50")
    return report.end(chosen.json)


def measure(chosen: argparse.Namespace, home: Path) -> dict[str, dict[str, Any]]:
    """Return the figures of Weir, and of Flink if requested."""
    found: list[Kill] = []
    play = all_kills(chosen.kills, found, chosen.standby)
    fault = Fault("recovery", f"{chosen.kills} kills of the driver", play, replaces=True, lines_per_s=chosen.rate)
    with told_to_end(), stage.own(home, Lines(sys.stderr), lambda jobs: with_budget(jobs, chosen.kills, chosen.standby)) as at:
        at.until(archive(spark_home()).exists, "the classes are archived", WITHIN_S)
        (row,) = run.play(at, [fault], seed=1, run=0)
        figures = {"weir": {"kills": found, "seconds": summary(found), "lines": row.lines, "failed": row.failed}}
        if chosen.flink:
            figures["flink"] = flink_kills(at, chosen.flink, chosen.kills, chosen.rate, chosen.standby)
    return figures


if __name__ == "__main__":
    sys.exit(main())
