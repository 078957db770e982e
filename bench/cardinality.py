"""Measure the cost of signatures and services: rows and bytes of a batch and of an hour's partition, and the time of `weir counts`.

    python bench/cardinality.py [--batches 40] [--lines 20000] [--json FILE]

Starts its own Cassandra. Each case lands the same number of batches and lines in one hour, with 10 to 100,000 signatures, capped as the job
caps them, and once without the cap. Bytes are those of the table's files after a flush: uncompressed, which is what a partition limit is
about, and on disk. Times are ratios to the first case of the same run. If a count differs, the exit code is 1.
"""

from __future__ import annotations

import random
import struct
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from spark_jobs.protocol.partition import of_source

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "plugins")]

from bench.harness import Cost, Report, cost, options  # noqa: E402
from spark_jobs.counts.cells import HOUR_MS, OTHER, Delta  # noqa: E402
from spark_jobs.counts.deltas import Counted, counting_writer  # noqa: E402
from spark_jobs.protocol.head import Batch, Progress, Totals, first_head  # noqa: E402
from tests.parts import running  # noqa: E402
from weir.addresses import address  # noqa: E402
from weir.cassandra.migrate import migrate  # noqa: E402
from weir.cassandra.store import CassandraStore  # noqa: E402
from weir.counts.folding import fold_many  # noqa: E402
from weir.counts.panes import Windows  # noqa: E402
from weir.counts.query import Question, counts  # noqa: E402
from weir.jobs.folders import sound  # noqa: E402
from weir.settings import Settings  # noqa: E402
from weir.supervise.start.takeover import take_over  # noqa: E402

at = partial(of_source, "topic")  # offsets by partition

JOB, HOUR, SHARDS = "bench", 1_768_435_200_000, 4
CAP = sound(PROJECT / "spark_jobs")["error_counts"].counting.signature_cap


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
    """Make errors in one pane for each batch: of each service the most frequent signatures, the rest under ~other."""
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
    """Return a signature as long as those of Apache's error log."""
    return f"[client *] AH{signature:06}: File does not exist: /var/www/html/*"


def land(store: CassandraStore, case: Case, number: int, lines: int) -> tuple[Cost, int]:
    """Land the batches. Return the cost and the rows."""
    store.create_head(first_head(JOB, at({0: 0}), 1))
    take_over(store, JOB, 0)
    writer = counting_writer(store, JOB, 1, "process-1", "v1", SHARDS, lambda: time.time_ns() // 1000)
    writer.start()
    made = list(batches(case, number, lines))

    def write() -> None:
        for n, deltas in enumerate(made):
            counted = Counted(deltas, Totals(lines, {"error": lines}), Progress(at({0: HOUR}), at({0: HOUR}), None))
            writer.write(Batch(n, at({0: n * lines}), at({0: (n + 1) * lines})), lambda before, c=counted: c)

    return cost(write)[0], sum(map(len, made))


def ask(store: CassandraStore, width: int) -> tuple[Cost, int]:
    """Run `weir counts` for the hour. Return the cost and the number of lines."""
    question = Question(Windows(width, width), HOUR, HOUR + HOUR_MS, by=("service", "signature"))
    spent, rows = cost(lambda: counts(store, JOB, question))
    return spent, sum(row["n"] for row in rows)


def flushed(store: CassandraStore, folder: Path, table: str) -> tuple[int, int]:
    """Return the bytes of a table's rows after a flush: uncompressed, and on disk."""
    store.session.run(f"ALTER TABLE {table} WITH memtable_flush_period_in_ms = 1000")
    sizes, since = (0, 0), time.monotonic()
    while time.monotonic() - since < 4 or not sizes[0]:  # until nothing was added for four periods
        done = folder.glob(f"{table}-*/*-TOC.txt")  # the last file of a flush
        files = [file.with_name(file.name.replace("-TOC.txt", "-Data.db")) for file in done]
        now = sum(map(uncompressed, files)), sum(file.stat().st_size for file in files)
        sizes, since = (sizes, since) if now == sizes else (now, time.monotonic())
        time.sleep(0.2)
    return sizes


def uncompressed(file: Path) -> int:
    """Read a table file's uncompressed length: after the compressor's name and options and two chunk sizes."""
    info = file.with_name(file.name.replace("-Data.db", "-CompressionInfo.db")).read_bytes()
    at = 2 + struct.unpack_from(">H", info)[0]
    (options,) = struct.unpack_from(">i", info, at)
    at += 4
    for _ in range(2 * options):
        at += 2 + struct.unpack_from(">H", info, at)[0]
    return int(struct.unpack_from(">q", info, at + 8)[0])


@dataclass(frozen=True)
class Found:
    """The figures of one case: rows of a batch and of the largest partition, bytes of a row uncompressed and on disk, and the cost."""

    rows_a_batch: float
    largest_partition: int
    row_bytes: float
    row_bytes_on_disk: float
    spent: Mapping[str, Cost]
    exact: bool

    def as_dict(self, first: Found) -> dict[str, object]:
        plain = {name: value for name, value in vars(self).items() if name != "spent"}
        return {**plain, "to_the_first": {name: spent.beside(first.spent[name]) for name, spent in self.spent.items()}}


def measure(case: Case, settings: Settings, number: int, lines: int) -> Found:
    """Measure one case in its own keyspace."""
    migrate(settings)
    store = CassandraStore.connect(address(settings), patience_s=60)
    landing, rows = land(store, case, number, lines)
    by_deltas = ask(store, 10_000)
    fold_many(store, JOB, [(HOUR, shard) for shard in range(SHARDS)], 1)
    by_runs, by_hours = ask(store, 10_000), ask(store, HOUR_MS)
    plain, on_disk = flushed(store, Path(settings.home) / "cassandra" / "data" / "data" / settings.cassandra_keyspace, "delta")
    largest = max(len(list(store.deltas(JOB, (HOUR, shard)))) for shard in range(SHARDS))
    store.close()
    spent = {"landing": landing, "counts of deltas": by_deltas[0], "of runs": by_runs[0], "of hour roll-ups": by_hours[0]}
    exact = {told for _, told in (by_deltas, by_runs, by_hours)} == {number * lines}
    return Found(rows / number, largest, plain / rows, on_disk / rows, spent, exact)


def run(settings: Settings, number: int, lines: int) -> dict[Case, Found]:
    found: dict[Case, Found] = {}
    for n, case in enumerate(CASES):
        found[case] = measure(case, replace(settings, cassandra_keyspace=f"bench_{n}"), number, lines)
        show(case, found[case], found[CASES[0]])
    return found


def show(case: Case, x: Found, first: Found) -> None:
    ratios = ", ".join(f"{name} {spent.beside(first.spent[name])['cpu']:.1f}" for name, spent in x.spent.items())
    print(
        f"{case.name:>38}: {x.rows_a_batch:>7,.0f} rows a batch of {x.row_bytes:.0f} B ({x.row_bytes_on_disk:.0f} B on disk), "
        f"{x.largest_partition:,} in the largest partition; CPU to the first case: {ratios}",
        flush=True,
    )


def main() -> int:
    asked = options(__doc__)
    asked.add_argument("--batches", type=int, default=40)
    asked.add_argument("--lines", type=int, default=20_000, help="lines of one batch")
    chosen, report = asked.parse_args(), Report("cardinality")
    with tempfile.TemporaryDirectory(prefix="weir-cardinality-") as home, running(chosen.home or Path(home), "cassandra") as settings:
        found = run(settings, chosen.batches, chosen.lines)
    report.take({case.name: x.as_dict(found[CASES[0]]) for case, x in found.items()})
    report.wrong += [f"{case.name}: a count differs" for case, x in found.items() if not x.exact]
    return report.end(chosen.json)


if __name__ == "__main__":
    sys.exit(main())
