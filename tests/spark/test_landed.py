"""What a landed job's runtime asks of Spark: a digest of rows in any order, and the order in which a pipeline reads its inputs."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from spark_jobs.landed.digest import digest_of
from spark_jobs.landed.inputs import NAME, SourcesChanged, require_order
from spark_jobs.sources.files import stream

SCHEMA = "k int, t string, d decimal(12,3), x double, b binary, a array<int>, s struct<p: int, q: string>, m map<string, array<int>>"
ROW: tuple[Any, ...] = (1, "a", Decimal("1.5"), 0.5, b"\0", [1, None], (2, "q"), {"one": [1], "two": [2, 3]})
OTHERS: list[tuple[Any, ...]] = [
    (None, "a", *ROW[2:]),
    (*ROW[:1], "b", *ROW[2:]),
    (*ROW[:5], [None, 1], *ROW[6:]),
    (*ROW[:5], [1], *ROW[6:]),
    (*ROW[:5], None, *ROW[6:]),
    (*ROW[:6], (None, "q"), *ROW[7:]),
    (*ROW[:6], None, *ROW[7:]),
    (*ROW[:7], {"one": [1, 2], "two": [3]}),
    (*ROW[:7], {}),
    (*ROW[:7], None),
]


def frame(spark: SparkSession, *rows: tuple[Any, ...]) -> DataFrame:
    return spark.createDataFrame(list(rows), SCHEMA)


def test_equal_rows_have_one_digest_in_any_order_and_any_partitions(spark: SparkSession) -> None:
    rows = [ROW, *OTHERS, ROW]
    one = digest_of(frame(spark, *rows))
    assert one.rows == len(rows) and len(one.value) == 16
    assert digest_of(frame(spark, *reversed(rows)).repartition(5)) == one
    turned = {"two": [2, 3], "one": [1]}
    assert digest_of(frame(spark, (*ROW[:7], turned))) == digest_of(frame(spark, ROW))
    assert digest_of(frame(spark).limit(0)).rows == 0


def test_every_difference_of_a_row_is_another_digest(spark: SparkSession) -> None:
    found = [digest_of(frame(spark, row)).value for row in (ROW, *OTHERS)]
    assert len(set(found)) == len(found)
    assert digest_of(frame(spark, ROW, ROW)) != digest_of(frame(spark, ROW)), "a row that is there twice"
    nulls = spark.createDataFrame([(None, 1), (1, None)], "a int, b int")
    assert digest_of(nulls.limit(1)) != digest_of(nulls.offset(1)), "nulls have places"


def test_columns_without_a_name_that_sql_likes(spark: SparkSession) -> None:
    odd = spark.range(3).select(F.col("id").alias("a.b"), F.col("id").alias("c`d"))
    assert digest_of(odd).rows == 3


def inputs(spark: SparkSession, *names: str) -> dict[str, DataFrame]:
    return {name: spark.readStream.format("rate").option(NAME, name).load() for name in names}


def test_a_pipeline_reads_its_inputs_in_the_order_of_the_spec(spark: SparkSession) -> None:
    read = inputs(spark, "left", "right")
    joined = read["left"].join(read["right"], "value").join(read["left"].select("value"), "value")
    require_order(joined, {"left": {}, "right": {}})
    with pytest.raises(SourcesChanged, match=r"in the order left, right, and job\.yaml has right, left"):
        require_order(joined, {"right": {}, "left": {}})
    with pytest.raises(SourcesChanged, match="does not read third"):
        require_order(joined, {"left": {}, "right": {}, "third": {}})


def test_a_folder_is_seen_in_the_plan_and_each_input_is_used_once_beside_it(spark: SparkSession, tmp_path: Path) -> None:
    read = inputs(spark, "lines")
    files = stream(spark, tmp_path.as_uri(), "text", "", {NAME: "files"})
    of = {"files": {"folder": tmp_path.as_uri()}, "lines": {}}
    require_order(files.union(read["lines"].selectExpr("CAST(value AS STRING)")), of)
    with pytest.raises(SourcesChanged, match=r"in the order lines, files, and job\.yaml has files, lines"):
        require_order(read["lines"].selectExpr("CAST(value AS STRING)").union(files), of)
    with pytest.raises(SourcesChanged, match=r"WEIR-326: the pipeline uses files more than once"):
        require_order(files.union(files), {"files": of["files"]})
