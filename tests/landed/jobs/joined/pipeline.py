"""Withdrawals beside their approvals, by id: a stream-stream join of two topics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def pipeline(inputs: Mapping[str, DataFrame], options: Any) -> DataFrame:
    withdrawals = _read(inputs["withdrawals"], "id LONG, card STRING, amount LONG")
    approvals = _read(inputs["approvals"], "id LONG, by STRING")
    return withdrawals.join(approvals, "id").select("id", "card", "amount", "by")


def _read(records: DataFrame, schema: str) -> DataFrame:
    return records.select(F.from_json(records.value.cast("string"), schema).alias("e")).select("e.*")
