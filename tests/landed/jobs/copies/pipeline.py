"""Each withdrawal above 100, as it came: a pipeline without state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def pipeline(inputs: Mapping[str, DataFrame], options: Any) -> DataFrame:
    records = inputs["withdrawals"]
    amount = F.get_json_object(records.value.cast("string"), "$.amount").cast("long")
    return records.where(amount > 10_000).select("key", "value")
