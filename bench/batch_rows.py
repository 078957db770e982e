"""Measure what each row of a batch costs Python: from what the native engine returns to the sums that are written.

    python bench/batch_rows.py [--rows 200000] [--json FILE]

A row is the lines of one pane, service, level and signature. Made-up rows, each of another signature, go through the code that a driver
uses. CPU is that of this process.
"""

from __future__ import annotations

import sys
from array import array
from pathlib import Path
from struct import pack

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "plugins")]

from bench.harness import Report, cost, options  # noqa: E402
from spark_jobs.counts.cells import Delta  # noqa: E402
from spark_jobs.counts.native import unpacked  # noqa: E402
from spark_jobs.counts.transform import counted  # noqa: E402
from spark_jobs.error_counts.options import Options  # noqa: E402
from spark_jobs.formats.spec.levels import LEVELS  # noqa: E402
from spark_jobs.protocol.head import Progress  # noqa: E402
from spark_jobs.protocol.partition import Partition  # noqa: E402

SERVICES, START_MS, LINES, ROUNDS = 200, 1_768_435_200_000, 3, 5


def packed(rows: int) -> bytes:
    """Return made-up counts as weir.counting.Packed writes them, with the times of one partition."""
    services = [f"service-{n}".encode() for n in range(SERVICES)]
    signatures = [b"", *(f"[client *] AH{n}: File does not exist: /var/www/html/*".encode() for n in range(rows))]
    names = b"".join(pack(f"<{len(some)}i", *map(len, some)) + b"".join(some) for some in (services, signatures))
    keys = array("q", ((n + 1) << 32 | n % SERVICES << 8 | LEVELS.index("error") for n in range(rows)))
    cells = array("q", [START_MS]) * rows + keys + array("q", [LINES]) * rows
    return pack("<4i", len(services), len(signatures), rows, 1) + names + cells.tobytes() + pack("<4q", 0, START_MS, START_MS, 0)


def summed(data: bytes) -> list[Delta]:
    return list(counted(unpacked(data, [Partition("topic", 0)]), Progress(), Options()).deltas)


def main() -> int:
    asked = options(__doc__)
    asked.add_argument("--rows", type=int, default=200_000)
    chosen, report = asked.parse_args(), Report("batch_rows")
    data = packed(chosen.rows)
    rounds = [cost(lambda: summed(data)) for _ in range(ROUNDS)]
    report.wrong += [f"{len(deltas)} rows of {chosen.rows}" for _, deltas in rounds if len(deltas) != chosen.rows]
    report.add("a row", "CPU-us", *(spent.cpu_s / chosen.rows * 1e6 for spent, _ in rounds))
    return report.end(chosen.json)


if __name__ == "__main__":
    sys.exit(main())
