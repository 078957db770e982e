"""Measure signatures: how well they group messages that a person has grouped, and what they cost.

    python bench/signatures.py [FILE.tsv...] [--messages 400000] [--json FILE]

A file has `kind, tab, message` in each line, as loghub's samples can be had; without one, the generator's messages are signed. Costs are of
the native engine, of Spark's functions, and of Spark's with the rules of version 1, in the same run. `native` uses the quick compiler
alone, as drivers do.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import reduce
from pathlib import Path
from random import Random
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "plugins")]

import re  # noqa: E402

from pyspark.sql import SparkSession  # noqa: E402
from pyspark.sql import functions as F  # noqa: E402

from bench.harness import Report, cost, options  # noqa: E402
from bench.lines import MIX  # noqa: E402
from bench.peers.java_peer import compiled  # noqa: E402
from drill.generator import message_of  # noqa: E402
from spark_jobs.counts.signature import stages  # noqa: E402
from weir.counts.signing import sign  # noqa: E402
from weir.local.part import java  # noqa: E402
from weir.local.spark import driver_jars, spark_home  # noqa: E402

SOURCE = PROJECT / "bench" / "java" / "weir" / "counting" / "SignatureCost.java"
WORD = "[0-9A-Za-z_]"
RULES_1 = (
    rf"[0-9A-Fa-f/\\](?<!{WORD}.)(?:(?<=[0-9]){WORD}*(?:(?:::|[.:,/-]){WORD}+)*|(?<=[/\\])[^\s,;:'\"()\[\]<>]*"
    rf"|(?=[A-Fa-f]*[0-9])[0-9A-Fa-f]{{7,}}(?:-{WORD}+)*(?!{WORD})|(?=[A-Fa-f]*[0-9])(?:[0-9A-Fa-f]*:){{2,7}}[0-9A-Fa-f]+(?!{WORD}))"
)
Labelled = Sequence[tuple[str, str]]


def accuracy(messages: Labelled, signed: Callable[[str], str]) -> float:
    persons, ours = defaultdict[str, set[int]](set), defaultdict[str, set[int]](set)
    for n, (kind, message) in enumerate(messages):
        persons[kind].add(n)
        ours[signed(message)].add(n)
    right = {frozenset(group) for group in persons.values()}
    return sum(len(group) for group in ours.values() if frozenset(group) in right) / len(messages)


def costs(spark: SparkSession, messages: Sequence[str], number: int) -> dict[str, float]:
    """Return CPU-s for a million messages, less those of reading them; the third of three rounds."""
    few = spark.createDataFrame([(message,) for message in messages], "message string").coalesce(1).cache()
    many = few.crossJoin(spark.range(max(1, number // len(messages))).coalesce(1)).coalesce(1)
    forms: dict[str, Any] = {
        "none": [{"signature": F.col("message")}],
        "rules 1": [{"signature": F.regexp_replace("message", RULES_1, "*")}],
        "rules 2": stages(),
    }
    found = {}
    for _ in range(3):
        for name, form in forms.items():
            signed = reduce(lambda df, stage: df.withColumns(stage), form, many)
            used, (row,) = cost(lambda signed=signed: signed.agg(F.count("*"), F.sum(F.xxhash64("signature") % 7)).collect())  # type: ignore[misc]
            found[name] = used.cpu_s / row[0] * 1e6
    return {name: round(found[name] - found["none"], 2) for name in ("rules 1", "rules 2")}


def native(messages: Sequence[str], number: int, folder: Path) -> list[float]:
    """Return CPU-us a message of the engine's code, once warm, of five rounds."""
    from spark_jobs.counts.native import plan
    from spark_jobs.error_counts.options import Options

    others = driver_jars()
    libraries = [*others, *sorted((spark_home() / "jars").glob("jackson-*.jar"))]
    (folder / "plan.json").write_text(plan(Options(), {}))
    (folder / "messages").write_text("\n".join(message.replace("\n", " ") for message in messages))
    classes = compiled([SOURCE], libraries, folder)
    path = ":".join(map(str, [classes, *libraries]))
    arguments = [str(folder / "plan.json"), str(folder / "messages"), str(number), "7"]
    command = [java(), "-XX:TieredStopAtLevel=1", "-cp", path, "weir.counting.SignatureCost", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [float(line.split()[0]) for line in done.stdout.splitlines()][2:]


def main() -> int:
    asked = options(__doc__)
    asked.add_argument("files", nargs="*", type=Path)
    asked.add_argument("--messages", type=int, default=400_000)
    given, report = asked.parse_args(), Report("signatures")
    builder: Any = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
    builder = builder.config("spark.sql.optimizer.excludedRules", "org.apache.spark.sql.catalyst.optimizer.ConvertToLocalRelation")
    spark = builder.config("spark.driver.extraJavaOptions", "-XX:-DontCompileHugeMethods -XX:+UseSerialGC").getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    files = {f"{file.stem}: ": file.read_text().split("\n") for file in given.files} or {"": generated(2000)}
    for where, lines in files.items():
        messages = [(kind, message) for kind, _, message in (line.partition("\t") for line in lines if line)]
        before = accuracy(messages, lambda message: re.sub(RULES_1, "*", message, flags=re.ASCII)[:256])
        report.add(f"{where}grouping of rules 1", "share", before)
        report.add(f"{where}grouping", "share", accuracy(messages, sign))
        report.take({f"{where}CPU-us a message": costs(spark, [m for _, m in messages], given.messages)})
        with tempfile.TemporaryDirectory(prefix="weir-signatures-") as folder:
            report.add(f"{where}native", "CPU-us a message", *native([m for _, m in messages], given.messages, given.home or Path(folder)))
    spark.stop()
    return report.end(given.json)


def generated(number: int) -> list[str]:
    """Return messages of the generator, with the signature as their kind."""
    random = Random(1)
    found = []
    for _ in range(number):
        _, message, signature = message_of(random, random.randrange(MIX.signatures))
        found.append(f"{signature}\t{message}")
    return found


if __name__ == "__main__":
    sys.exit(main())
