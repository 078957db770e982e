"""What every DAG of Weir must be like, and what parsing must not cost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization

from tests.dags.conftest import PROJECT

VERBS = {"deploy", "restart", "fold", "validate", "recount"}
HEAVY = {"cassandra", "confluent_kafka", "great_expectations", "pandas", "pyspark", "numpy"}


def bag() -> DagBag:
    return DagBag(dag_folder=str(PROJECT / "dags"))


@pytest.fixture(scope="module")
def dags() -> DagBag:
    return bag()


def test_all_dags_of_all_jobs_are_there(dags: DagBag) -> None:
    assert dags.import_errors == {}
    jobs = [file.parent.name for file in (PROJECT / "spark_jobs").glob("*/job.yaml")]
    assert set(dags.dags) == {f"{job}_{verb}" for job in jobs for verb in VERBS} | {"weir_health", "weir_watch", "weir_alerts"}


def test_house_rules(dags: DagBag) -> None:
    for dag in dags.dags.values():
        told = f"{dag.dag_id}: "
        assert dag.max_active_runs == 1 and dag.catchup is False, told
        assert "weir" in dag.tags and len(dag.tags) >= 2, told
        assert dag.doc_md and "**If" in dag.doc_md and dag.description, told
        assert str(dag.start_date) == "2026-01-01 00:00:00+00:00", told
        for task in dag.tasks:
            kwargs = getattr(task, "partial_kwargs", {})
            timeout = kwargs.get("execution_timeout") or getattr(task, "execution_timeout", None)
            assert timeout and timeout.total_seconds() <= 3600, told + task.task_id
            assert task.retries <= 2 and task.retry_delay.total_seconds() <= 10, told + task.task_id
            assert task.owner not in ("", "airflow"), told + task.task_id
            assert task.priority_weight == (1 if dag.dag_id.endswith(("_fold", "_validate", "_recount")) else 10), told + task.task_id


def test_the_dags_of_a_job_have_its_owner_name_and_verb(dags: DagBag) -> None:
    dag = dags.dags["error_counts_deploy"]
    assert {"error_counts", "deploy"} <= set(dag.tags) and dag.owner == "platform"
    assert "{job}" not in (dag.doc_md or "")


def test_every_dag_can_be_serialized_and_read_back(dags: DagBag) -> None:
    for dag in dags.dags.values():
        assert DagSerialization.deserialize_dag(DagSerialization.serialize_dag(dag)).dag_id == dag.dag_id


def test_parsing_imports_nothing_heavy() -> None:
    code = (
        "import sys, time\nfrom airflow.dag_processing.dagbag import DagBag\nbefore, began = set(sys.modules), time.process_time()\n"
        f"bag = DagBag(dag_folder={str(PROJECT / 'dags')!r})\n"
        "print('heavy', sorted({m.split('.')[0] for m in set(sys.modules) - before} & " + repr(HEAVY) + "))\n"
        "print('seconds', time.process_time() - began)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    told = dict(line.split(" ", 1) for line in done.stdout.splitlines() if line.startswith(("heavy", "seconds")))
    assert told["heavy"] == "[]"
    assert float(told["seconds"]) < 5  # of a core, whatever else the machine does: 0.3 s


@pytest.fixture
def two_specs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    sound = (PROJECT / "spark_jobs/error_counts/job.yaml").read_text()
    for folder in ("sound", "other"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "job.yaml").write_text(sound.replace("name: error_counts", f"name: {folder}"))
    monkeypatch.setenv("WEIR_JOBS", str(tmp_path))
    return tmp_path


def test_a_broken_spec_breaks_no_other_job_and_its_field_is_named(two_specs: Path) -> None:
    file = two_specs / "other/job.yaml"
    file.write_text(file.read_text().replace("pane: 10s", "pane: 7s"))
    found = bag()
    assert "sound_deploy" in found.dags and "other_deploy" not in found.dags
    ((where, told),) = found.import_errors.items()
    assert where.endswith("specs.py")
    assert "other/job.yaml" in told and "options.pane" in told and "must divide an hour" in told


def test_a_setting_that_is_not_valid_ends_the_import_error_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEIR_KAFKA", "broker")
    found = bag()
    assert "weir_health" in found.dags, "its tick fails with the same sentence"
    last = {told.strip().splitlines()[-1] for told in found.import_errors.values()}
    assert len(last) == 1 and last.pop().startswith("weir.errors.BadSetting: WEIR-106: WEIR_KAFKA ('broker')")


def test_a_plain_job_has_no_dag_for_what_it_cannot_do(two_specs: Path) -> None:
    (two_specs / "other/job.yaml").write_text("name: other\noutput: plain\napplication: other.py\n")
    found = bag()
    assert found.import_errors == {}
    assert {dag for dag in found.dags if dag.startswith("other_")} == {"other_deploy", "other_restart"}
    assert {dag for dag in found.dags if dag.startswith("sound_")} == {f"sound_{verb}" for verb in VERBS}


def test_two_specs_of_one_name_are_an_error_and_the_first_one_stays(two_specs: Path) -> None:
    (two_specs / "third").mkdir()
    (two_specs / "third/job.yaml").write_text((two_specs / "sound/job.yaml").read_text())
    found = bag()
    assert {"sound_deploy", "other_deploy"} <= set(found.dags)
    assert "third/job.yaml: name: sound/job.yaml already has the name sound" in str(found.import_errors)


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("plugins/weir/supervise/x.py", "import airflow"),
        ("plugins/weir/x.py", "from airflow.sdk import DAG"),
        ("spark_jobs/x.py", "from airflow.sdk import DAG"),
        ("spark_jobs/error_counts/x.py", "from weir.errors import WeirError"),
    ],
)
def test_the_arrows_point_one_way(file: str, line: str) -> None:
    assert "TID251" in lint(file, line)


@pytest.mark.parametrize("file", ["plugins/weir/airflow/operators/x.py", "plugins/weir/airflow/triggers/x.py", "plugins/weir/console/x.py"])
def test_operators_triggers_and_console_may_import_airflow(file: str) -> None:
    assert "TID251" not in lint(file, "from airflow.sdk import DAG")


def lint(file: str, line: str) -> str:
    command = [Path(sys.executable).with_name("ruff"), "check", "--stdin-filename", file, "-"]
    return subprocess.run(command, input=f"{line}\n", capture_output=True, text=True, cwd=PROJECT, timeout=60, check=False).stdout
