"""Measure signatures: how well they group messages that a person has grouped, and what they cost.

    python bench/signatures.py FILE.tsv... [--messages 400000]

A file has `kind, tab, message` in each line, as loghub's samples can be had. Prints grouping accuracy, and CPU-s for a million messages
of Spark's functions, beside those of the rules of version 1 in the same run.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import reduce
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "plugins")]

import re  # noqa: E402

from costs import cost  # noqa: E402
from pyspark.sql import SparkSession  # noqa: E402
from pyspark.sql import functions as F  # noqa: E402

from spark_jobs.counts.signature import stages  # noqa: E402
from weir.counts.signing import sign  # noqa: E402

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


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("files", nargs="+", type=Path)
    asked.add_argument("--messages", type=int, default=400_000)
    given = asked.parse_args()
    builder: Any = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
    builder = builder.config("spark.sql.optimizer.excludedRules", "org.apache.spark.sql.catalyst.optimizer.ConvertToLocalRelation")
    spark = builder.config("spark.driver.extraJavaOptions", "-XX:-DontCompileHugeMethods -XX:+UseSerialGC").getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    for file in given.files:
        messages = [(kind, message) for kind, _, message in (line.partition("\t") for line in file.read_text().split("\n") if line)]
        before = accuracy(messages, lambda message: re.sub(RULES_1, "*", message, flags=re.ASCII)[:256])
        print(file.stem, f"{before:.3f} {accuracy(messages, sign):.3f}", costs(spark, [m for _, m in messages], given.messages), flush=True)


if __name__ == "__main__":
    main()
