"""Payments from two topics in one table: cash machines write CSV, the shop writes JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

PAYMENT = "id LONG, card STRING, amount LONG"


def pipeline(inputs: Mapping[str, DataFrame], options: Any) -> DataFrame:
    """Return the payments of both streams, with where each was made."""
    cash = _read(F.from_csv(inputs["cash"].value.cast("string"), PAYMENT), inputs["cash"], "cash")
    shop = _read(F.from_json(inputs["shop"].value.cast("string"), PAYMENT), inputs["shop"], "shop")
    return cash.unionByName(shop)


def _read(payment: Any, records: DataFrame, place: str) -> DataFrame:
    return records.select(payment.alias("p")).select(F.lit(place).alias("place"), "p.*")
