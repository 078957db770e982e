"""Bank transactions as an unbounded table: known answers, of a folder and of a topic, and what becomes of lines that cannot be read."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from spark_jobs.catalogue.transactions.pipeline import UNREADABLE, pipeline
from spark_jobs.sources.files import stream

Accounts = dict[str, tuple[Decimal | None, int, Decimal | None]]
LINES = ["alice,100.00", "bob,20.5", "alice,-30", '"Smith, J.",0.01', "alice,+0.10", "bob , 20.50 "]
KNOWN: Accounts = {
    "alice": (Decimal("70.10"), 3, Decimal("100.00")),
    "bob": (Decimal("41.00"), 2, Decimal("20.50")),
    "Smith, J.": (Decimal("0.01"), 1, Decimal("0.01")),
}


def accounts(rows: DataFrame) -> Accounts:
    return {row.account: (row.balance, row.transactions, row.largest) for row in rows.collect()}


def of_topic(spark: SparkSession, *lines: bytes | str) -> Accounts:
    """Run the pipeline over records as Kafka's source has them."""
    records = [(line.encode() if isinstance(line, str) else line,) for line in lines]
    return accounts(pipeline({"transactions": spark.createDataFrame(records, "value binary")}, {}))


def test_balance_count_and_running_maximum_of_each_account(spark: SparkSession) -> None:
    assert of_topic(spark, *LINES) == KNOWN


def test_amounts_are_exact(spark: SparkSession) -> None:
    assert of_topic(spark, *["a,0.10"] * 1000) == {"a": (Decimal("100.00"), 1000, Decimal("0.10"))}
    most = "9999999999999999.99"
    assert of_topic(spark, f"a,{most}", f"a,{most}") == {"a": (Decimal("19999999999999999.98"), 2, Decimal(most))}


@pytest.mark.parametrize(
    "line",
    [
        "", "alice", "account,amount", "alice,", ",5", '"",5', "alice,1,2", "alice,1.999", "alice,1e3", "alice,12345678901234567",
        "alice,five", "alice;5", f"{UNREADABLE},5", "a" * 65 + ",5",
        b"\xff,5", "a\0b,5", "alice,1\nbob,2", '"alice,5', ",".join("x" * 21000),
    ],
)  # fmt: skip
def test_a_line_that_cannot_be_read_counts_in_a_row_of_its_own(spark: SparkSession, line: bytes | str) -> None:
    assert of_topic(spark, "alice,1", line) == {"alice": (Decimal(1), 1, Decimal(1)), UNREADABLE: (None, 1, None)}


def test_files_that_come_later_change_the_rows_of_their_accounts_only(spark: SparkSession, tmp_path: Path) -> None:
    folder, batches = tmp_path / "in", list[Accounts]()
    folder.mkdir()
    inputs = {"transactions": stream(spark, folder.as_uri(), "text", "", {}, 1)}
    rows = pipeline(inputs, {})
    for name, lines in (("1", LINES), ("2", ["alice,200", "no line of CSV", ""])):
        (folder / f".{name}").write_text("\n".join(lines) + "\n")
        (folder / f".{name}").rename(folder / name)
        written: Any = rows.writeStream.outputMode("update").option("checkpointLocation", str(tmp_path / "checkpoint"))
        query = written.foreachBatch(lambda batch, _: batches.append(accounts(batch))).trigger(availableNow=True).start()
        query.awaitTermination(120)
        assert query.exception() is None
    assert [one for one in batches if one] == [
        KNOWN,
        {"alice": (Decimal("270.10"), 4, Decimal("200.00")), UNREADABLE: (None, 2, None)},
    ]
