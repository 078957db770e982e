"""Run the programs of this folder, keep their reports in docs/figures, and write docs/figures.md.

    python -m bench [--quick] [--peers] [--flink DIR] [NAME...]

Without names it runs all of them, one after the other, in about two hours; `--quick` takes fifteen minutes, with fewer lines and rounds.
`--peers` instead compares the drain with the programs of bench/peers. With `--flink`, a distribution of Flink 2, `recovery` kills Flink as
well. If the counts of a program are wrong, its old report stays, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
FIGURES = PROJECT / "docs" / "figures"
READS, COMPARED = "reader,native", "reader,native,flink_sql,kafka_streams,spark_stateful"
ALL = {  # by name of the report: the program with its options, in full and for --quick
    "drain": (["drain", "--lines=12000000", f"--programs={READS}"], ["drain", "--lines=2000000", "--rounds=2", f"--programs={READS}"]),
    "start": (["start"], ["start", "--rounds=2"]),
    "latency": (["latency"], ["latency", "--seconds=20", "--rates=1000"]),
    "writes": (["writes"], ["writes", "--rows=40000", "--rounds=3"]),
    "fold": (["fold"], ["fold", "--batches=60"]),
    "recount": (["recount"], ["recount", "--lines=1000000"]),
    "growth": (["growth"], ["growth", "--lines=100000"]),
    "recovery": (["recovery", "--kills=10"], ["recovery", "--kills=3"]),
    "standby": (["recovery", "--standby", "--kills=10"], ["recovery", "--standby", "--kills=3"]),
    "signatures": (["signatures"], ["signatures", "--messages=100000"]),
    "make_up": (["make_up"], []),
    "collect": (["collect"], ["collect", "--lines=200000", "--rounds=1"]),
    "fraud": (["fraud"], ["fraud", "--transactions=300000"]),
    "scores": (["scores"], ["scores", "--seconds=20"]),
    "soak": (["latency", "--rates=100000", "--triggers=1", "--seconds=1800"], []),
}
PEERS = {
    "peers": (
        ["drain", "--lines=12000000", f"--programs={COMPARED}"],
        ["drain", "--lines=1000000", "--rounds=2", f"--programs={COMPARED}"],
    ),
}


def run(name: str, program: Sequence[str]) -> int:
    """Run one program. Return its exit code; its report is kept only if it ended well."""
    report, new = FIGURES / f"{name}.json", FIGURES / f".{name}.json"
    print(f"== {name}: bench/{' '.join([f'{program[0]}.py', *program[1:]])}", flush=True)
    code = subprocess.run([sys.executable, str(PROJECT / "bench" / f"{program[0]}.py"), *program[1:], "--json", str(new)]).returncode
    if code:
        new.unlink(missing_ok=True)
        print(f"== {name} failed with exit code {code}", flush=True)
    else:
        new.replace(report)
    return code


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(ALL)}")
    asked.add_argument("--quick", action="store_true")
    asked.add_argument("--peers", action="store_true")
    asked.add_argument("--flink", metavar="DIR")
    chosen = asked.parse_args()
    programs = PEERS if chosen.peers else ALL
    wanted = {name: programs[name][chosen.quick] for name in chosen.names or programs}
    if chosen.flink and "recovery" in wanted:
        wanted["recovery"] = [*wanted["recovery"], f"--flink={chosen.flink}"]
    codes = [run(name, program) for name, program in wanted.items() if program]
    subprocess.run([sys.executable, str(PROJECT / "bench" / "page.py")], check=True)
    return int(any(codes))


if __name__ == "__main__":
    sys.exit(main())
