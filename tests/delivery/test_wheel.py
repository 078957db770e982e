"""The wheel carries all that runs and nothing of the tests, and works where there is no checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from email.parser import Parser
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.delivery.built import PROJECT, wanted

BUNDLE = """
import json
from weir.doctor import airflow
print(json.dumps({line.check: [line.ok, line.told, line.next_step] for line in (airflow.parsed(), airflow.bundle({}))}))
"""


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel as pip unpacks it."""
    folder = tmp_path_factory.mktemp("site")
    with ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture
def env(site: Path, tmp_path: Path) -> Mapping[str, str]:
    """Weir from the wheel, everything that it needs from this Python."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("WEIR_", "AIRFLOW", "PYTHON"))}
    return {**kept, "PYTHONPATH": str(site), "HOME": str(tmp_path)}


def run(env: Mapping[str, str], cwd: Path, *args: str) -> str:
    done = subprocess.run([sys.executable, *args], env=env, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_wheel_has_every_file_of_the_product_and_no_other(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        inside = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert (sorted(wanted(PROJECT) - inside), sorted(inside - wanted(PROJECT))) == ([], [])


def test_the_wheel_says_what_it_is(site: Path) -> None:
    (info,) = site.glob("weir-*.dist-info")
    about = Parser().parsestr((info / "METADATA").read_text())
    extras = ["airflow", "collect-mqtt", "collect-rabbitmq", "sink-cassandra", "sink-kafka", "sink-parquet", "sink-postgresql"]
    assert (about["License-Expression"], about.get_all("Provides-Extra")) == ("Apache-2.0", extras)
    assert (info / "licenses" / "LICENSE").read_bytes() == (PROJECT / "LICENSE").read_bytes()
    assert "weir = weir.cli:main" in (info / "entry_points.txt").read_text()


def test_the_command_line_works_from_the_wheel(site: Path, env: Mapping[str, str], tmp_path: Path) -> None:
    weir = ("-m", "weir")
    (info,) = site.glob("weir-*.dist-info")
    assert run(env, tmp_path, *weir, "--version") == f"weir {info.name.removeprefix('weir-').removesuffix('.dist-info')}\n"
    run(env, tmp_path, *weir, "new", "my_job", "--kind", "plain")
    assert (tmp_path / "my_job" / "job.yaml").is_file()
    assert "error\t264" in run(env, tmp_path, *weir, "formats", "test", str(site / "weir/samples/sample.log"))


def test_its_own_places_are_in_the_package_and_its_state_in_the_users_home(site: Path, env: Mapping[str, str], tmp_path: Path) -> None:
    script = "from weir.settings import Settings; s = Settings.load(); print(s.home, s.rules, *s.job_folders)"
    assert run(env, tmp_path, "-c", script).split() == [str(tmp_path / ".weir"), str(site / "weir/rules"), str(site / "spark_jobs")]


def test_airflow_reads_the_dags_of_the_bundle_that_the_doctor_prints(site: Path, env: Mapping[str, str], tmp_path: Path) -> None:
    found = json.loads(run(env, tmp_path, "-c", BUNDLE))
    files = len(list((site / "weir/dags").glob("*.py")))
    assert found["Weir's DAGs"] == [True, f"{files} files can be read here", ""]
    assert json.loads(found["DAG bundle"][2].partition("[dag_processor]: ")[2])["kwargs"] == {"path": str(site / "weir/dags")}
