from pathlib import Path

import pytest

from weir.local import class_archive, ports, rehearse, secrets, spark
from weir.local.part import Stack
from weir.ports.cluster import Submission


@pytest.fixture(autouse=True)
def own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(class_archive.sys, "prefix", str(tmp_path))


@pytest.fixture
def jars(tmp_path: Path) -> Path:
    (tmp_path / "jars").mkdir()
    for name in ("slf4j-api-2.0.jar", "spark-core.jar"):
        (tmp_path / "jars" / name).touch()
    return tmp_path


def test_the_class_path_is_what_the_worker_writes(jars: Path) -> None:
    settings = class_archive.no_settings()
    assert class_archive.class_path(jars) == f"{settings}/:{jars}/jars/slf4j-api-2.0.jar:{jars}/jars/*"


def test_no_folder_of_the_class_path_holds_files(jars: Path) -> None:
    assert not list(class_archive.no_settings().iterdir())


def test_other_jars_need_another_archive(jars: Path) -> None:
    before = class_archive.archive(jars)
    (jars / "jars" / "new.jar").touch()
    assert class_archive.archive(jars) != before


def test_one_that_is_there_is_not_made_again(jars: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def started(*_: object, **__: object) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr(rehearse.subprocess, "Popen", started)
    class_archive.archive(jars).touch()
    rehearse.begin(Stack(tmp_path, ports.WANTED, secrets.load_or_create(tmp_path)), jars, "counts")


def test_what_drivers_inherit_names_the_archive_and_loopback(tmp_path: Path) -> None:
    env = spark.driver_env(Stack(tmp_path, ports.WANTED, secrets.load_or_create(tmp_path)))
    assert str(class_archive.archive(spark.spark_home())) in env["JDK_JAVA_OPTIONS"]
    assert "-Dspark.driver.host=127.0.0.1" in env["JDK_JAVA_OPTIONS"]
    assert env["SPARK_CONF_DIR"] == str(class_archive.no_settings())


def test_an_archive_is_not_made_by_a_jvm_that_is_told_to_use_one(jars: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: dict[str, str] = {}

    def run(command: list[str], env: dict[str, str], **_: object) -> None:
        ran.update(env)
        Path(next(o for o in command if "ArchiveClassesAtExit" in o).partition("=")[2]).touch()

    monkeypatch.setattr(rehearse, "late", lambda module, name: lambda *_: {"appArgs": []})
    monkeypatch.setattr(rehearse.subprocess, "run", run)
    stack = Stack(tmp_path, ports.WANTED, secrets.load_or_create(tmp_path))
    rehearse.make(
        stack, jars, Submission("a rehearsal", "/job.py", [], {}, {}), {"JDK_JAVA_OPTIONS": f"-Dfile=x {class_archive.options(jars)} -Dy=z"}
    )
    assert "SharedArchiveFile" not in ran["JDK_JAVA_OPTIONS"]
    assert class_archive.archive(jars).exists()
