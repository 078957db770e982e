"""Measure the first `make up` of a clean clone, with all downloads in their caches, until the first counts are shown.

    python bench/make_up.py [--json FILE] [--home DIR]

Clones what is committed into a folder of its own, runs `make install` and `make up` there, and then `make down`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "plugins")]

from bench.harness import Report, options, to_its_end  # noqa: E402


def main() -> int:
    chosen, report = options(__doc__).parse_args(), Report("make_up")
    for name in [name for name in os.environ if name.startswith(("WEIR_", "AIRFLOW", "SPARK_", "PYTHON"))]:
        del os.environ[name]
    with tempfile.TemporaryDirectory(prefix="weir-make-up-") as temporary:
        clone = (chosen.home or Path(temporary)) / "clone"
        subprocess.run(["git", "clone", "--quiet", str(PROJECT), str(clone)], check=True)
        try:
            installed = to_its_end(["make", "install"], {}, clone)
            started = to_its_end(["make", "up"], {}, clone)
        finally:
            subprocess.run(["make", "down"], cwd=clone, check=True)
    report.add("to install", "s", installed.wall_s)
    report.add("to first counts", "s", started.wall_s)
    return report.end(chosen.json)


if __name__ == "__main__":
    sys.exit(main())
