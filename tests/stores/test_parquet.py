"""A user's own stream that writes Parquet to a store, with its checkpoint there: killed in its middle, started again, every line once."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.parts import driver_command
from tests.stores.conftest import ALL
from tests.stores.servers import FileStore
from tests.stores.supervised import until
from weir.cluster.checkpoints import CheckpointFolders
from weir.file_stores import spark_conf, spark_env
from weir.local import ports, secrets
from weir.local.part import Stack
from weir.local.spark import driver_env
from weir.ports.cluster import Submission
from weir.settings import Settings

pytestmark = [pytest.mark.stack, pytest.mark.skipif(not ALL, reason="make test-stores runs it")]
FILES, LINES = 12, 50
APPLICATION = """\
import sys

from pyspark.sql import SparkSession

source, sink, checkpoint, mode = sys.argv[1:]
spark = SparkSession.builder.getOrCreate()
if mode == "write":
    lines = spark.readStream.format("text").option("maxFilesPerTrigger", 1).load(source)
    query = lines.writeStream.format("parquet").option("path", sink).option("checkpointLocation", checkpoint)
    query.trigger(availableNow=True).start().awaitTermination()
else:
    found = spark.read.parquet(sink)
    print("found", found.count(), found.distinct().count())
spark.stop()
"""


@pytest.mark.parametrize("name", ["hdfs", "s3a"])
def test_a_stream_to_parquet_is_killed(name: str, file_stores: Callable[[str], FileStore], tmp_path: Path) -> None:
    store = file_stores(name)
    settings = store.settings(Settings(home=str(tmp_path)), f"plain-{tmp_path.name}")
    folders = CheckpointFolders(settings.checkpoints, settings)
    checkpoint = folders.location("lines", 1)
    (tmp_path / "in").mkdir()
    for n in range(FILES):
        (tmp_path / "in" / f"{n}.txt").write_text("".join(f"{n}-{line}\n" for line in range(LINES)))
    arguments = [str(tmp_path / "in"), f"{settings.checkpoints}/table", checkpoint]
    writer = started(tmp_path, settings, [*arguments, "write"])
    until(lambda: any(found.committed >= 2 for found in folders.progress(checkpoint) or ()), "three batches are committed")
    os.killpg(writer.pid, signal.SIGKILL)
    writer.wait(30)
    (left,) = folders.progress(checkpoint) or ()
    assert left.committed < FILES - 1, "it was killed in its middle"
    again = started(tmp_path, settings, [*arguments, "write"])
    assert again.wait(600) == 0
    reader = started(tmp_path, settings, [*arguments, "read"])
    assert reader.wait(600) == 0
    assert f"found {FILES * LINES} {FILES * LINES}" in (tmp_path / "log").read_text()


def started(home: Path, settings: Settings, arguments: list[str]) -> subprocess.Popen[bytes]:
    """Start the application as a driver of Weir's is started."""
    script, stack = home / "application.py", Stack(home, ports.WANTED, secrets.load_or_create(home))
    script.write_text(APPLICATION)
    jars = [jar for jar in settings.spark_jars.split(",") if jar]
    asked = Submission("weir:lines:1", str(script), arguments, spark_conf(settings), {}, jars=jars, driver_memory="512m", executors=0)
    env = {**driver_env(stack), **spark_env(settings)}
    with (home / "log").open("ab") as log:
        return subprocess.Popen(driver_command(asked), env=env, cwd=home, stdout=log, stderr=log, start_new_session=True)
