"""One local Spark for all tests of this folder: starting it takes longer than most of them."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from pyspark.sql import SparkSession

from tests.parts import local_spark
from weir.local.spark import driver_jars

CONF = {
    "spark.driver.extraClassPath": ":".join(map(str, driver_jars())),
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.shuffle.partitions": "1",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.memory": "512m",
    "spark.driver.extraJavaOptions": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1",
    # Constants folded at planning time would test the optimizer's interpreter instead of the generated code that a stream runs.
    "spark.sql.optimizer.excludedRules": "org.apache.spark.sql.catalyst.optimizer.ConvertToLocalRelation",
}


@pytest.fixture(scope="package")
def spark() -> Iterator[SparkSession]:
    with pytest.MonkeyPatch.context() as patch, local_spark(CONF) as session:
        patch.setattr(session.sparkContext, "pythonExec", sys.executable)  # else Spark starts `python3`, which may lack pandas
        session.sparkContext.setLogLevel("ERROR")
        yield session
