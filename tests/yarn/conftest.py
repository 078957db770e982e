"""One YARN for all of its tests."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

HOME = tempfile.TemporaryDirectory(prefix="weir_yarn_")
for name, value in {
    "AIRFLOW_HOME": HOME.name,
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
}.items():
    os.environ.setdefault(name, value)

from tests.fault_table import pytest_terminal_summary, row  # noqa: E402, F401 - only now
from tests.yarn.servers import Yarn  # noqa: E402

FIRST_PORT = 25000


@pytest.fixture(scope="package")
def submits(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The environment in which Airflow's workers find spark-submit and the cluster's addresses."""
    before = dict(os.environ)
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    os.environ["JDK_JAVA_OPTIONS"] = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="package")
def yarn(submits: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yarn]:
    cluster = Yarn(tmp_path_factory.mktemp("yarn"), FIRST_PORT)
    cluster.configure()
    os.environ["HADOOP_CONF_DIR"] = str(cluster.conf)
    try:
        cluster.start("rm1", "nm1")
        yield cluster
    finally:
        cluster.stop()
