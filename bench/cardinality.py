"""What signatures and services cost: per batch, in rows and bytes of an hour's partition, and in the time of `weir counts`.

    python bench/cardinality.py [--batches 40] [--lines 20000] [--json FILE]

Starts a Cassandra of its own. In each case as many batches of as many lines land in one hour, with 10 to 100,000 signatures, capped as
the job caps them, and once without the cap. Bytes are those of the table's files after a flush: as the rows are, which is what a limit
for partitions is about, and as the disk holds them. Times are told as ratios to the first case of the same run. If a count differs, the
exit code is 1.
"""

from __future__ import annotations

import argparse
import json
import random
import struct
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "plugins")]

from spark_jobs.contract import HOUR_MS, OTHER, Delta  # noqa: E402
from spark_jobs.protocol import Batch, Progress, Totals, first_head  # noqa: E402
from spark_jobs.writer import Counted, Writer  # noqa: E402
from tests.parts import running  # noqa: E402
from weir.cluster.cassandra import CassandraStore, address  # noqa: E402
from weir.cluster.migrate import migrate  # noqa: E402
from weir.counts.folding import fold_many  # noqa: E402
from weir.counts.panes import Windows  # noqa: E402
from weir.counts.query import Question, counts  # noqa: E402
from weir.settings import Settings  # noqa: E402
from weir.supervise.takeover import take_over  # noqa: E402

JOB, HOUR, SHARDS = "bench", 1_768_435_200_000, 4
CAP = 1000  # as job.yaml has it


@dataclass(frozen=True)
class Case:
    services: int
    signatures: int
    cap: int = CAP

    @property
    def name(self) -> str:
        return f"{self.services} services, {self.signatures:,} signatures" + ("" if self.cap == CAP else ", no cap")


CASES = (Case(5, 10), Case(5, 1_000), Case(5, 100_000), Case(5, 100_000, cap=10**9), Case(50, 1_000), Case(500, 1_000))


def batches(case: Case, number: int, lines: int) -> Iterator[list[Delta]]:
    """Errors only, in one pane a batch: of each service the most frequent signatures, and the rest under ~other."""
    rng = random.Random(1)
    for n in range(number):
        drawn = Counter((rng.randrange(case.services), rng.randrange(case.signatures)) for _ in range(lines))
        cells: Counter[tuple[int, str]] = Counter()
        kept: Counter[int] = Counter()
        for (service, signature), count in sorted(drawn.items(), key=lambda x: (-x[1], x[0])):
            kept[service] += 1
            cells[service, text(signature) if kept[service] <= case.cap else OTHER] += count
        pane = HOUR + 10_000 * (n % 360)
        yield [Delta(pane, f"service-{service}", "error", signature, count) for (service, signature), count in cells.items()]


def text(signature: int) -> str:
    """As long as signatures of Apache's error log are."""
    return f"[client *] AH{signature:06}: File does not exist: /var/www/html/*"


def land(store: CassandraStore, case: Case, number: int, lines: int) -> tuple[float, int]:
    """Seconds to land the batches, and their rows."""
    store.create_head(first_head(JOB, {0: 0}, "topic", 1))
    take_over(store, JOB, 0)
    writer = Writer(store, JOB, 1, "process-1", "v1", SHARDS, lambda: time.time_ns() // 1000)
    writer.start()
    seconds, rows = 0.0, 0
    for n, deltas in enumerate(batches(case, number, lines)):
        counted = Counted(deltas, Totals(lines, {"error": lines}), Progress({0: HOUR}, {0: HOUR}, None))
        began = time.monotonic()
        writer.write(Batch(n, {0: n * lines}, {0: (n + 1) * lines}), lambda before, c=counted: c)
        seconds, rows = seconds + time.monotonic() - began, rows + len(deltas)
    return seconds, rows


def asked(store: CassandraStore, width: int) -> tuple[float, int]:
    """Seconds that `weir counts` of the hour takes, and the lines that it tells."""
    began = time.monotonic()
    rows = counts(store, JOB, Question(Windows(width, width), HOUR, HOUR + HOUR_MS, by=("service", "signature")))
    return time.monotonic() - began, sum(row["n"] for row in rows)


def flushed(store: CassandraStore, folder: Path, table: str) -> tuple[int, int]:
    """Bytes of a table's rows once all that was written is in files: as they are, and as the disk holds them."""
    store.session.run(f"ALTER TABLE {table} WITH memtable_flush_period_in_ms = 1000")
    sizes, since = (0, 0), time.monotonic()
    while time.monotonic() - since < 4 or not sizes[0]:  # until nothing has been added for as long as four periods
        files = list(folder.glob(f"{table}-*/*-Data.db"))
        now = sum(map(uncompressed, files)), sum(file.stat().st_size for file in files)
        sizes, since = (sizes, since) if now == sizes else (now, time.monotonic())
        time.sleep(0.2)
    return sizes


def uncompressed(file: Path) -> int:
    """What the file beside it says of a table file: the compressor's name and options, two sizes of chunks, then the length."""
    info = file.with_name(file.name.replace("-Data.db", "-CompressionInfo.db")).read_bytes()
    at = 2 + struct.unpack_from(">H", info)[0]
    (options,) = struct.unpack_from(">i", info, at)
    at += 4
    for _ in range(2 * options):
        at += 2 + struct.unpack_from(">H", info, at)[0]
    return int(struct.unpack_from(">q", info, at + 8)[0])


def measure(case: Case, settings: Settings, number: int, lines: int) -> dict[str, float]:
    """Figures of one case, in a keyspace of its own."""
    migrate(settings)
    store = CassandraStore.connect(address(settings), patience_s=60)
    seconds, rows = land(store, case, number, lines)
    from_deltas, told = asked(store, 10_000)
    fold_many(store, JOB, [(HOUR, shard) for shard in range(SHARDS)], 1)
    from_runs, told_folded = asked(store, 10_000)
    from_hours, told_by_hour = asked(store, HOUR_MS)
    plain, on_disk = flushed(store, Path(settings.home) / "cassandra" / "data" / "data" / settings.cassandra_keyspace, "delta")
    largest = max(len(list(store.deltas(JOB, (HOUR, shard)))) for shard in range(SHARDS))
    store.close()
    return {
        "rows_per_batch": rows / number,
        "largest_partition_rows": largest,
        "bytes_per_row": plain / rows,
        "disk_bytes_per_row": on_disk / rows,
        "batch_ms": 1000 * seconds / number,
        "count_from_deltas_ms": 1000 * from_deltas,
        "count_from_runs_ms": 1000 * from_runs,
        "count_from_hours_ms": 1000 * from_hours,
        "wrong": sum(n != number * lines for n in (told, told_folded, told_by_hour)),
    }


def run(settings: Settings, number: int, lines: int) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for n, case in enumerate(CASES):
        found[case.name] = figures = measure(case, replace(settings, cassandra_keyspace=f"bench_{n}"), number, lines)
        first = found[CASES[0].name]
        for name in ("batch_ms", "count_from_deltas_ms", "count_from_runs_ms", "count_from_hours_ms"):
            figures[f"{name.removesuffix('_ms')}_ratio"] = figures[name] / first[name]
        show(case, figures)
    return found


def show(case: Case, x: dict[str, float]) -> None:
    bytes_ = f"{x['bytes_per_row']:.0f} B ({x['disk_bytes_per_row']:.0f} on disk)"
    counted = ", ".join(f"{source} {x[f'count_from_{source}_ratio']:.1f}" for source in ("deltas", "runs", "hours"))
    print(f"{case.name:>38}: {x['rows_per_batch']:>7,.0f} rows a batch of {bytes_}, {x['batch_ms']:.0f} ms", flush=True)
    print(f"{'':>40}to the first case: a batch {x['batch_ratio']:.1f}; weir counts from {counted}", flush=True)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--batches", type=int, default=40)
    options.add_argument("--lines", type=int, default=20_000, help="of one batch")
    options.add_argument("--json", type=Path, help="also write the figures here")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="weir-cardinality-") as home, running(Path(home), "cassandra") as settings:
        found = run(settings, chosen.batches, chosen.lines)
    if chosen.json:
        rounded = {case: {name: round(value, 2) for name, value in figures.items()} for case, figures in found.items()}
        chosen.json.write_text(json.dumps(rounded, indent=2) + "\n")
    return 1 if any(figures["wrong"] for figures in found.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
