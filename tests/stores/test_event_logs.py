"""Spark's event log of a driver on each store, seen in a real History Server, and deleted when it is old."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.parts import driver_command, part_of
from tests.stores.conftest import ALL
from tests.stores.servers import FIRST_PORT, FileStore
from tests.stores.supervised import until
from weir.cluster.file_systems import prepared
from weir.file_stores import spark_conf, spark_env
from weir.local import history, ports, secrets
from weir.local.part import Stack
from weir.local.spark import driver_env
from weir.ports.cluster import Submission
from weir.settings import Settings

pytestmark = [pytest.mark.stack, pytest.mark.skipif(not ALL, reason="make test-stores runs it")]
STORES = ["folder", "hdfs", "s3a"]
APPLICATION = """\
from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
assert spark.range(1000).selectExpr("sum(id)").first()[0] == 499500
spark.stop()
"""


@pytest.mark.parametrize("name", STORES)
def test_a_driver_that_has_ended_is_shown_until_its_log_is_old(
    name: str, file_stores: Callable[[str], FileStore], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = file_stores(name)
    settings = replace(store.settings(Settings(home=str(tmp_path)), "any"), event_logs=f"{store.uri}/event-logs-{tmp_path.name}")
    prepared(settings.event_logs, settings)
    stack = Stack(tmp_path, {**ports.WANTED, "spark_history": ports.next_free(FIRST_PORT + 500, set())}, secrets.load_or_create(tmp_path))
    run(stack, settings)
    conf = spark_conf(settings)
    server = history.part(stack, settings.event_logs, conf, [jar for jar in settings.spark_jars.split(",") if jar])
    server = replace(server, env={**server.env, **spark_env(settings)})
    with part_of(server):
        (shown,) = until(lambda: history.applications(stack), "the application is shown")
        attempts: Any = shown["attempts"]
        assert (shown["name"], attempts[0]["completed"]) == ("weir:seen:1", True)
    monkeypatch.setattr(history, "KEEP", "1s")
    monkeypatch.setattr(history, "LOOK_EVERY", "1s")
    with part_of(server):
        until(lambda: not history.applications(stack), "its log is deleted")


def run(stack: Stack, settings: Settings) -> None:
    """Run an application as a driver of Weir's runs."""
    script = stack.home / "application.py"
    script.write_text(APPLICATION)
    jars = [jar for jar in settings.spark_jars.split(",") if jar]
    asked = Submission("weir:seen:1", str(script), [], spark_conf(settings), {}, jars=jars, driver_memory="512m", executors=0)
    stack.folder("spark")
    done = subprocess.run(
        driver_command(asked),
        env={**driver_env(stack), **spark_env(settings)},
        cwd=stack.home,
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-5000:]
