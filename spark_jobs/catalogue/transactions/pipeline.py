"""Bank transactions as an unbounded table: lines `account,amount` of a folder or a topic, queried with Spark SQL while they come.

A line is readable if it has exactly two fields of CSV: an account of at most 64 characters, and an amount of at most 16 digits before the
point and two behind it. All other lines count in a row of their own, under the account `(unreadable)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyspark.sql import DataFrame

UNREADABLE = "(unreadable)"
# The amount is matched before it is cast: Spark would round 1.999 to 2.00, and say nothing. A record of a topic may have several lines, of
# which from_csv reads the first one only: control characters make a line unreadable. PostgreSQL takes no text that is not valid UTF-8.
TRANSACTIONS = rf"""
WITH checked AS (
    SELECT CASE WHEN is_valid_utf8(value) AND length(value) <= 1000 AND NOT value RLIKE '\\p{{Cntrl}}' THEN value END AS line FROM lines
), parsed AS (
    SELECT from_csv(line, 'account STRING, amount STRING, rest STRING', map('columnNameOfCorruptRecord', 'rest', 'escape', '"')) AS row
    FROM checked
), fields AS (
    SELECT trim(row.account) AS account, trim(row.amount) AS amount,
        row.rest IS NULL AND length(trim(row.account)) BETWEEN 1 AND 64 AND trim(row.account) <> '{UNREADABLE}'
        AND trim(row.amount) RLIKE '^[+-]?[0-9]{{1,16}}([.][0-9]{{1,2}})?$' AS readable
    FROM parsed
)
SELECT IF(readable, account, '{UNREADABLE}') AS account, CAST(IF(readable, amount, NULL) AS DECIMAL(18, 2)) AS amount FROM fields
"""
ACCOUNTS = """
SELECT account, sum(amount) AS balance, count(*) AS transactions, max(amount) AS largest FROM transactions GROUP BY account
"""


def pipeline(inputs: Mapping[str, DataFrame], options: Any) -> DataFrame:
    """Return balance, number of transactions and largest amount so far, of each account that a batch has."""
    lines = inputs["transactions"].selectExpr("CAST(value AS STRING) AS value")
    lines.createOrReplaceTempView("lines")
    lines.sparkSession.sql(TRANSACTIONS).createOrReplaceTempView("transactions")
    return lines.sparkSession.sql(ACCOUNTS)
