"""Spark's own stateful window: a driver of `spark_stateful.py` with its tasks inside, from the same jars and class archive as Weir's."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from bench.peers.peer import Command, Run
from weir.errors import StackFailed
from weir.local import class_archive
from weir.local.part import IPV4, LOOPBACK, java
from weir.local.spark import driver_jars, spark_home

JOB = Path(__file__).with_name("spark_stateful.py")
# Spark's generated code has methods that the JVM compiles only with the first of these.
JVM = ("-Xmx1g", "-XX:-DontCompileHugeMethods", "-XX:+UseSerialGC")
CONF = {
    "spark.driver.host": LOOPBACK,
    "spark.driver.bindAddress": LOOPBACK,
    "spark.ui.enabled": "false",
    "spark.log.level": "WARN",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.shuffle.partitions": "2",
    # A filter for null that Spark derives from ours would parse each line's time once more.
    "spark.sql.constraintPropagation.enabled": "false",
    "spark.sql.streaming.noDataMicroBatches.enabled": "false",
    # The default manager forks 8 to 10 processes for each file of the checkpoint: the wheel has no libhadoop.
    "spark.sql.streaming.checkpointFileManagerClass": (
        "org.apache.spark.sql.execution.streaming.checkpointing.FileSystemBasedCheckpointFileManager"
    ),
    "spark.hadoop.fs.file.impl": "org.apache.hadoop.fs.RawLocalFileSystem",
}


@dataclass(frozen=True)
class SparkPeer:
    name: str
    sink: str = "nothing"

    def prepare(self, cache: Path) -> None:
        driver_jars()
        spark_home()

    def command(self, run: Run) -> Command:
        if self.sink == "cassandra" and run.cassandra is None:
            raise StackFailed(f"The peer {self.name} has no Cassandra to write to.", "Give the run its host and port.")
        store = [str(each) for each in run.cassandra or ()] if self.sink == "cassandra" else []
        conf = chain.from_iterable(("--conf", f"{name}={value}") for name, value in CONF.items())
        submit = ["org.apache.spark.deploy.SparkSubmit", "--master", "local[2]", *conf]
        job = [str(JOB), run.kafka, run.topic, str(run.home), *store]
        return [java(), *JVM, "-cp", class_archive.class_path(spark_home()), *submit, *job], _environment(run.home)


def _environment(home: Path) -> dict[str, str]:
    return {
        "SPARK_HOME": str(spark_home()),
        "SPARK_CONF_DIR": str(class_archive.no_settings()),
        "SPARK_LOCAL_IP": LOOPBACK,
        "SPARK_LOCAL_DIRS": str(home / "tmp"),
        "JDK_JAVA_OPTIONS": f"{IPV4} {class_archive.options(spark_home())}",
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_DRIVER_PYTHON": sys.executable,
    }
