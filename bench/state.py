"""Measure what state costs: python bench/state.py [--megabytes 10 1000] [--providers heap changelog rocksdb] [--memory 3g].

For each provider and size, on a local disk: an aggregation is filled, then fed batches of 1,000 rows that touch 1,000 keys each; its folder
is copied as a takeover does, and continued in the copy. Printed as JSON lines: batch times and CPU, bytes and files of the folder and of
the copy, the time of the copy, and the time from the query's start to its first batch there, state loaded.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "plugins")]

from bench.harness import cost  # noqa: E402
from tests.parts import local_spark  # noqa: E402
from tests.spark.stateful import FILES, PROVIDERS  # noqa: E402
from weir.cluster.checkpoints import CheckpointFolders  # noqa: E402
from weir.supervise.judge.lineage import is_commit  # noqa: E402

BYTES_A_KEY = 200  # of a key's row in the state, as RocksDB and the heap keep it, roughly
FILLING, STEADY, ROWS = 8, 30, 1000
KINDS = ["heap", "changelog", "rocksdb"]


def conf(provider: str, memory: str) -> dict[str, str]:
    return {
        **PROVIDERS[provider],
        "spark.sql.streaming.checkpointFileManagerClass": FILES,
        "spark.sql.shuffle.partitions": "2",
        "spark.driver.memory": memory,
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.sql.session.timeZone": "UTC",
        "spark.driver.extraJavaOptions": "-XX:+UseSerialGC",
    }


def run(spark: Any, place: str, keys: int, rows: int, batches: int) -> list[dict[str, Any]]:
    """Run so many batches of so many rows; return their progress."""
    rate = spark.readStream.format("rate-micro-batch").option("rowsPerBatch", rows).option("numPartitions", 2).load()
    row = rate.selectExpr(f"pmod(value * 2654435761, {keys}) AS k", "repeat(char(65 + pmod(value, 26)), 100) AS v")
    counted = row.groupBy("k").agg({"*": "count", "v": "max"})
    query = counted.writeStream.format("noop").outputMode("update").option("checkpointLocation", place).start()
    seen: list[dict[str, Any]] = []
    while len(seen) < batches:
        time.sleep(0.05)
        assert query.isActive, query.exception()
        known = {one["batchId"] for one in seen}
        seen += [one for one in (json.loads(each.json) for each in query.recentProgress) if one["batchId"] not in known]
    query.stop()
    return seen[:batches]


def measure(home: Path, provider: str, megabytes: int, memory: str) -> dict[str, Any]:
    folders, keys = CheckpointFolders(str(home)), megabytes * 1_000_000 // BYTES_A_KEY
    with local_spark(conf(provider, memory)) as spark:
        spark.sparkContext.setLogLevel("ERROR")
        first, second = (folders.location("job", 1, attempt) for attempt in (1, 2))
        filling, _ = cost(lambda: run(spark, first, keys, keys // (FILLING - 2), FILLING))
        steady, progress = cost(lambda: run(spark, first, keys, ROWS, STEADY))
        folder = folders.read("job", 1, 1)
        last = max(n for n, data in folder.numbered("commits").items() if is_commit(data))
        kept = {"metadata", "sources/0/0", *(f"{kind}/{n}" for kind in ("offsets", "commits") for n in (last - 1, last))}
        contents = {path: data for path, data in folder.contents.items() if path in kept}
        copying, why = cost(lambda: folders.copy("job", (1, 1), (1, 2), contents, last + 1, stateful=True))
        assert not why, why
        copied = folders.read("job", 1, 2).sizes
        began = time.time()
        starting, again = cost(lambda: run(spark, second, keys, ROWS, 1))
        first_s = time.time() - began
    times = [one["durationMs"]["triggerExecution"] for one in progress[STEADY // 3 :]]
    state = again[0]["stateOperators"][0]
    return {
        "provider": provider,
        "megabytes": megabytes,
        "keys": state["numRowsTotal"],
        "memory_used_mb": round(state["memoryUsedBytes"] / 1e6),
        "fill_cpu_s": round(filling.cpu_s, 1),
        "batch_ms_p50": statistics.median(times),
        "batch_ms_max": max(times),
        "batch_cpu_ms": round(steady.cpu_s / STEADY * 1000),
        "folder_mb": round(sum(folder.sizes.values()) / 1e6, 1),
        "folder_files": len(folder.sizes),
        "copy_mb": round(sum(copied.values()) / 1e6, 1),
        "copy_files": len(copied),
        "copy_s": round(copying.wall_s, 2),
        "continue_s": round(first_s, 1),
        "continue_cpu_s": round(starting.cpu_s, 1),
    }


def main(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, nargs="+", default=[10])
    parser.add_argument("--providers", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--memory", default="3g")
    args = parser.parse_args(argv)
    for megabytes in args.megabytes:
        for provider in args.providers:
            with tempfile.TemporaryDirectory(prefix="weir-state-") as home:
                print(json.dumps(measure(Path(home), provider, megabytes, args.memory)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
