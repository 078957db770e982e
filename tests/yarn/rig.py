"""A plain job on the YARN of the tests: by the provider's spark-submit hook and the real adapter, through an Airflow connection."""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.plain_rig import FILES, PlainRig
from tests.yarn.servers import Yarn
from weir.airflow.connection import elsewhere
from weir.airflow.spark_submit import SparkSubmit
from weir.ports.cluster import Cluster, Submission

CONN_ID = "spark_yarn"
PATIENCE_S = 600.0  # for spark-submit: its three minutes were not enough on a busy machine


def rig(yarn: Yarn, name: str, files: Mapping[str, str] = FILES, queue: str = "streams", user: str = "weir", **spec: Any) -> PlainRig:
    conf = {**spark_conf(yarn.home), **spec.pop("spark_conf", {})}
    cluster = cluster_of(yarn, queue, user)
    return PlainRig(yarn.home / "jobs" / name, name, cluster, yarn.drivers, {"cluster": "yarn", "spark_conf": conf, **spec}, files)


def cluster_of(yarn: Yarn, queue: str = "streams", user: str = "weir") -> Cluster:
    from airflow.sdk import Connection

    extra = {"queue": queue, "yarn_resourcemanager_webapp_address": yarn.rest}
    found = Connection(conn_id=CONN_ID, conn_type="spark", host="yarn", login=user, extra=json.dumps(extra))
    return elsewhere(found, _Submit(json.dumps({"conn_type": "spark", "host": "yarn", "login": user, "extra": extra})))["yarn"]


def spark_conf(home: Path) -> Mapping[str, str]:
    """Keep drivers small, and Spark's 400 MB of jars where they are."""
    wheel = importlib.util.find_spec("pyspark")
    assert wheel is not None and wheel.origin
    return {
        "spark.yarn.jars": f"local:{Path(wheel.origin).parent}/jars/*",
        "spark.yarn.stagingDir": (home / "staging").as_uri(),
        "spark.yarn.appMasterEnv.SPARK_LOCAL_IP": "127.0.0.1",
        "spark.executorEnv.SPARK_LOCAL_IP": "127.0.0.1",
        "spark.yarn.am.waitTime": "600s",  # for the Spark context
        "spark.driver.memoryOverhead": "256m",
        "spark.executor.memoryOverhead": "256m",
    }


class _Submit(SparkSubmit):
    """Submits by a connection that is in the environment while it submits, as Airflow's secrets backend would bring it."""

    def __init__(self, text: str) -> None:
        super().__init__(CONN_ID, PATIENCE_S)
        self._text = text

    def __call__(self, submission: Submission) -> str:
        os.environ[f"AIRFLOW_CONN_{CONN_ID.upper()}"] = self._text
        return super().__call__(submission)
