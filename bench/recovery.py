"""From `kill -9` of a driver to the first batch that its successor lands, again and again, under a steady load.

    python bench/recovery.py [--kills 20] [--rate 2000] [--standby] [--json FILE] [--home DIR]

Starts a whole stack of its own, and waits until the archive of classes is made, as it is a minute after the first `make up`. Each kill
comes when the stream has caught up; with `--standby` the job's spec says `standby: warm`, and a kill comes when one is ready. Times are by
the one clock of this machine: `seen` is when the successor was decided on, `landed` when its first batch was. At the end all counts are
compared with what was sent; if any differ, the figures do not count, and the exit code is 1.
Seconds depend on the machine and on what else it does; `load` is its load average at each kill.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from statistics import quantiles
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "plugins")]

from weir.drill import run, stage  # noqa: E402
from weir.drill.driver import killed_and_back  # noqa: E402
from weir.drill.fault import Fault, Scene  # noqa: E402
from weir.drill.stage import JOB, Stage  # noqa: E402
from weir.local.class_archive import archive  # noqa: E402
from weir.local.rehearse import WITHIN_S  # noqa: E402
from weir.local.report import Lines  # noqa: E402
from weir.local.spark import spark_home  # noqa: E402
from weir.local.stack import told_to_end  # noqa: E402
from weir.supervise.standby import in_a_word  # noqa: E402

CALM_LINES = 10_000  # a kill comes when no more than these wait to be landed

Kill = dict[str, float]


def kill_once(at: Stage) -> Kill:
    """Kill the driver and wait for its successor's first batch. Seconds from the kill."""
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
    """Has the attempt at work caught up?"""
    seen = at.manager.observe(JOB)
    return seen.head is not None and seen.landed_attempt == seen.head.attempt and seen.lag is not None and seen.lag < CALM_LINES


def warm(at: Stage) -> bool:
    """Is a standby ready?"""
    return in_a_word(at.manager.observe(JOB)) == "ready"


def with_standby(jobs: Path) -> None:
    """Let the spec of the job say so."""
    with (jobs / JOB / "job.yaml").open("a") as spec:
        spec.write("standby: warm\n")


def all_kills(count: int, found: list[Kill], standby: bool) -> Any:
    """The kills as a fault, so that the drill's own load and comparison hold for them."""

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
    """The median, the 95th percentile and the largest, in seconds; empty of fewer than two kills."""
    if len(found) < 2:
        return {}
    rows = {name: [kill[name] for kill in found] for name in ("seen", "landed")}
    cuts = {name: quantiles(values, n=20, method="inclusive") for name, values in rows.items()}
    return {name: {"p50": round(cut[9], 2), "p95": round(cut[18], 2), "max": round(max(rows[name]), 2)} for name, cut in cuts.items()}


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--kills", type=int, default=20)
    options.add_argument("--rate", type=float, default=2000, help="lines a second")
    options.add_argument("--standby", action="store_true", help="with a standby in the job's spec")
    options.add_argument("--json", type=Path, help="also write the figures here")
    options.add_argument("--home", type=Path, help="the state folder of its stack; kept")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="weir-recovery-") as temporary:
        return measure(chosen.home or Path(temporary), chosen.kills, chosen.rate, chosen.standby, chosen.json)


def measure(home: Path, kills: int, rate: float, standby: bool, report: Path | None) -> int:
    found: list[Kill] = []
    fault = Fault("recovery", f"{kills} kills of the driver", all_kills(kills, found, standby), replaces=True, lines_per_s=rate)
    with told_to_end(), stage.own(home, Lines(sys.stderr), with_standby if standby else lambda jobs: None) as at:
        at.until(archive(spark_home()).exists, "the classes are archived", WITHIN_S)
        (row,) = run.play(at, [fault], seed=1, run=0)
    figures = {"kills": found, "seconds": summary(found), "lines": row.lines, "failed": row.failed}
    print(json.dumps({name: figures[name] for name in ("seconds", "lines", "failed")}, indent=2))
    if report:
        report.write_text(json.dumps(figures, indent=2) + "\n")
    return 1 if row.failed else 0


if __name__ == "__main__":
    sys.exit(main())
