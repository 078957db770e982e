"""Compute on paper, from measured points, what a rate of lines needs, and where the design bends first.

    python bench/capacity.py [--lines-per-s 1e4 1e6 1e7] [--services 200] [--jobs 0] [--set node_rows_per_s=40000] [--markdown]

Every field of the load is an option; `--set` replaces a measured point or an assumption. Starts nothing. docs/capacity.md has the
output of `--markdown`, and explains it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "plugins")]

from bench.capacity_model import Load, Need, need  # noqa: E402

RATES = (10_000.0, 1_000_000.0, 10_000_000.0)
LINES_A_BATCH = 2_000_000  # limits.lines_per_batch of error_counts
SHARDS = 4  # options.shards of error_counts


SHORT = (  # the rows of the smaller tables
    "",
    "jobs",
    "a job's batch",
    "cores of Spark",
    "rows collected / written by a batch",
    "delta rows a second",
    "nodes of Cassandra (by rows, by bytes)",
    "beyond the defaults, the furthest first",
)


@dataclass(frozen=True)
class Point:
    """A figure of the model: its value, what it is, and where it comes from. An assumption was not measured."""

    name: str
    value: float
    what: str
    source: str
    date: str = ""

    @property
    def measured(self) -> bool:
        return bool(self.date)


POINTS = (
    Point(
        "line_cpu_s", 1.5e-6, "CPU of a line, with its share of a batch", "bench/drain.py: 1.4 to 1.7 CPU-s a million, warm", "2026-12-01"
    ),
    Point(
        "batch_s",
        0.1,
        "a batch of few lines: planning, two transactions, checkpoint",
        "bench/latency.py, trigger 0 s: the lines of 0.1 s a batch",
        "2026-12-01",
    ),
    Point("merge_s", 2e-6, "Java adds a task's row to those of the others", "a look into a hash table, as for a line"),
    Point("sum_s", 6e-6, "from Java's sums to Python's, for a row", "bench/batch_rows.py", "2026-12-01"),
    Point("writer_rows_per_s", 50_000, "delta rows that one driver writes", "bench/writes.py, 43,000 to 61,000", "2026-12-01"),
    Point("node_rows_per_s", 50_000, "delta rows that a node takes, at least", "the same", "2026-12-01"),
    Point("row_bytes", 14, "a row of deltas or of a fold, on disk", "bench/cardinality.py, 7 to 14", "2026-11-24"),
    Point("row_bytes_in_memory", 111, "the same, uncompressed", "bench/cardinality.py", "2026-11-24"),
    Point("compression", 3, "of a topic with lz4", "by hand; zstd 4", "2026-11-29"),
    Point("recount_cpu_s", 4e-6, "CPU of a recount for a line", "bench/recount.py, one process, with its start", "2026-12-01"),
    Point("fold_cpu_s", 26e-6, "CPU to fold a row, Cassandra's included", "bench/fold.py", "2026-12-01"),
    Point("record_bytes", 15, "a record of Kafka beside its value", "its format: key, offsets, times"),
    Point("text_compression", 5, "of heads in the ledger", "JSON that repeats"),
    Point("unfolded_h", 3, "hours until a delta is folded and deleted", "its hour, lateness, schedule and grace"),
    Point("partition_bytes", 100e6, "of a partition of Cassandra, at most", "decision 7"),
    Point("node_bytes", 1e12, "of a node of Cassandra", "usual practice"),
    Point("broker_bytes_per_s", 50e6, "written by a broker, copies included", "usual practice for one disk"),
    Point("broker_bytes", 4e12, "kept by a broker", "usual practice"),
)


def bends(n: Need, m: Mapping[str, float]) -> list[tuple[float, str]]:
    """Return each limit that the load is beyond, the furthest first: how many times, and what to do."""
    batch, load = n.batch, n.load
    found = [
        (n.jobs, f"one driver and one head: {n.jobs} jobs, a topic each"),
        (2 * batch.lines / LINES_A_BATCH, f"`limits.lines_per_batch`: set {number(2 * batch.lines)}"),
        (n.shards / SHARDS, f"`shards`: set {n.shards} before the first deploy"),
        (load.lines_per_s / load.services * m["line_cpu_s"], "a service has more lines than one core reads, and one partition"),
        (n.recount_cores / 16, f"a recount that keeps up needs {n.recount_cores:.0f} cores"),
        (n.fold_cores, f"folding needs {n.fold_cores:.1f} cores of Airflow's workers"),
    ]
    return sorted(((ratio, text) for ratio, text in found if ratio > 1), reverse=True)


def rows(needs: Sequence[Need], m: Mapping[str, float]) -> Iterator[tuple[str, ...]]:
    """Yield the table: a name, and a value for each load."""
    columns: tuple[tuple[str, Callable[[Need], str]], ...] = (
        ("jobs", lambda n: str(n.jobs)),
        ("a job's batch", lambda n: f"{n.batch.seconds:.1f} s, {number(n.batch.lines)} lines"),
        ("cores of Spark", lambda n: f"{n.cores:,}"),
        ("partitions of the topic", lambda n: f"{n.partitions:,}"),
        ("rows collected / written by a batch", lambda n: f"{number(n.batch.collected)} / {number(n.batch.rows)}"),
        ("delta rows a second", lambda n: number(n.rows_per_s)),
        ("nodes of Cassandra (by rows, by bytes)", lambda n: f"{n.nodes} ({n.nodes_by_rows}, {n.nodes_by_bytes})"),
        ("deltas, until folded", lambda n: size(n.delta_bytes)),
        ("folded counts of a year", lambda n: size(n.folded_bytes * 365 / n.load.kept_days)),
        ("ledger of a year", lambda n: size(n.ledger_bytes * 365 / n.load.kept_days)),
        ("Kafka: written, read", lambda n: f"{size(n.kafka_write_bytes_s)}/s, {size(n.kafka_read_bytes_s)}/s"),
        ("Kafka: kept, brokers", lambda n: f"{size(n.kafka_bytes)}, {n.brokers}"),
        ("head", lambda n: size(n.head_bytes)),
        ("cores of a recount that keeps up", lambda n: f"{n.recount_cores:.1f}"),
        ("a day's recount on 16 cores", lambda n: f"{n.load.lines_per_s * 24 * m['recount_cpu_s'] / 16:.1f} h"),
        ("cores that fold", lambda n: f"{n.fold_cores:.1f}"),
        (
            "beyond the defaults, the furthest first",
            lambda n: (
                "; ".join(f"{ratio:.0f} x: {text}" if ratio >= 10 else f"{ratio:.1f} x: {text}" for ratio, text in bends(n, m)) or "nothing"
            ),
        ),
    )
    yield "", *(f"{number(n.load.lines_per_s)} lines/s" for n in needs)
    for name, value in columns:
        yield name, *map(value, needs)


def number(x: float) -> str:
    for unit, name in ((1e9, " G"), (1e6, " M")):
        if x >= unit:
            return f"{x / unit:.3g}{name}"
    return f"{float(f'{x:.3g}'):,.0f}"


def size(x: float) -> str:
    unit, name = next(((u, n) for u, n in ((1e15, "PB"), (1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")) if x >= u), (1, "B"))
    return f"{x / unit:.3g} {name}"


def table(found: Sequence[Sequence[str]]) -> str:
    first, *rest = found
    return "\n".join(f"| {' | '.join(row)} |" for row in (first, ["---"] * len(first), *rest))


def plain(found: Sequence[Sequence[str]]) -> str:
    width = max(len(row[0]) for row in found)
    return "\n\n".join("\n".join(f"{row[0]:>{width}}  {row[column]}" for row in found) for column in range(1, len(found[0])))


def points_table(m: Mapping[str, float]) -> str:
    def row(p: Point) -> list[str]:
        source = f"{p.source}, {p.date}" if p.measured else f"assumed: {p.source}"
        return [f"`{p.name}`", f"{m[p.name]:.3g}" if m[p.name] < 1000 else f"{m[p.name]:,.0f}", p.what, source]

    return table([["point", "value", "what", "source"], *map(row, POINTS)])


def markdown(load: Load, rates: Sequence[float], m: Mapping[str, float]) -> str:
    """Return the tables of docs/capacity.md."""

    def needs(**changes: Any) -> list[Need]:
        return [need(replace(load, lines_per_s=rate, **changes), m) for rate in rates]

    parts = [table(list(rows(needs(), m)))]
    others = {
        "the lines of a service in all partitions": needs(keyed=False),
        "5,000 services": needs(services=5_000),
        "a storm: each batch has more signatures than the cap": needs(signatures=2_000),
    }
    for title, found in others.items():
        parts += [f"**With {title}:**", table([row for row in rows(found, m) if row[0] in SHORT])]
    return "\n\n".join([*parts, "**The points:**", points_table(m)])


def main(argv: Sequence[str] | None = None) -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--lines-per-s", type=float, nargs="+", default=RATES)
    for field in fields(Load):
        if field.name == "keyed":
            options.add_argument("--keyed", action=argparse.BooleanOptionalAction, default=True)
        elif field.name != "lines_per_s":
            options.add_argument(f"--{field.name.replace('_', '-')}", type=type(field.default), default=field.default)
    options.add_argument("--set", action="append", default=[], metavar="POINT=VALUE", help="replace a point of the table")
    options.add_argument("--markdown", action="store_true", help="print the tables of docs/capacity.md")
    chosen = vars(options.parse_args(argv))
    measured = {p.name: p.value for p in POINTS}
    for name, _, value in (each.partition("=") for each in chosen.pop("set")):
        if name not in measured:
            options.error(f"{name} is no point: {', '.join(measured)}")
        measured[name] = float(value)
    rates, as_markdown = chosen.pop("lines_per_s"), chosen.pop("markdown")
    load = Load(rates[0], **chosen)
    if as_markdown:
        print(markdown(load, rates, measured))
    else:
        print(plain(list(rows([need(replace(load, lines_per_s=rate), measured) for rate in rates], measured))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
