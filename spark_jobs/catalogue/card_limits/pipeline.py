"""Withdrawals beside the limit of their card: a stream joined with a static table.

The same records must give the same rows, so the table must not change while a batch is open: each table is a file of its own, and a deploy
takes the next one (docs/windows.md).
"""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from .options import Options

WITHDRAWAL = "id LONG, card STRING, amount LONG"
LIMIT = "card STRING, most LONG"


def pipeline(inputs: Mapping[str, DataFrame], options: Options) -> DataFrame:
    """Return each withdrawal with the limit of its card, and whether it is above it: null for a card without a limit."""
    records = inputs["withdrawals"]
    withdrawals = records.select(F.from_json(records.value.cast("string"), WITHDRAWAL).alias("w")).select("w.*")
    limits = records.sparkSession.read.schema(LIMIT).csv(options.limits, mode="FAILFAST")
    beside = withdrawals.join(F.broadcast(limits), "card", "left")
    return beside.select("id", "card", "amount", "most", (F.col("amount") > F.col("most")).alias("above"))
