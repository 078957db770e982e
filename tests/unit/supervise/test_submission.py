import json
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest

from spark_jobs.counts.options import CountsOptions
from spark_jobs.protocol.head import first_head
from spark_jobs.protocol.partition import of_source
from spark_jobs.runtime.contract import JobArguments
from weir.cluster.spark import create_request
from weir.counts.arguments import arguments
from weir.jobs.folders import sound
from weir.jobs.spec import PlainSpec, parse
from weir.settings import PROJECT, Settings
from weir.supervise.start.submission import plain_submission, submission

at = partial(of_source, "topic")  # offsets by partition

SPEC = sound(PROJECT / "spark_jobs")["error_counts"]


def test_jars_of_the_settings_go_with_each_driver_and_none_are_named_without_them(tmp_path: Path) -> None:
    """The embedded stack has Kafka's among Spark's own; a cluster of somebody else is told of them."""
    args = arguments(SPEC, first_head("error_counts", at({0: 0}), 1), "v1", "file:///c", Settings(home=str(tmp_path)))
    there, none = (
        create_request(submission(SPEC, args, str(PROJECT), replace(Settings(home=str(tmp_path)), spark_jars=jars)), "")["appArgs"]
        for jars in ("/j/kafka.jar,/j/pool.jar", "")
    )
    assert there[there.index("--jars") + 1] == "/j/kafka.jar,/j/pool.jar"
    assert "--jars" not in none


@pytest.mark.parametrize(("drivers", "where"), [("", "outside:9092"), ("inside:19092", "inside:19092")])
def test_drivers_may_reach_kafka_by_an_address_of_their_own(drivers: str, where: str, tmp_path: Path) -> None:
    settings = Settings(home=str(tmp_path), kafka="outside:9092", driver_kafka=drivers)
    args = arguments(SPEC, first_head("error_counts", at({0: 0}), 1), "v1", "file:///c", settings)
    assert args.bootstrap_servers == where


def test_a_kafka_of_ones_own_is_the_drivers_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stack's port for drivers goes with the stack's Kafka: who names another one would be judged by it, and count the stack's."""
    (tmp_path / "stack.json").write_text('{"kafka": "stack:9092", "driver_kafka": "stack:9094"}')
    monkeypatch.setenv("WEIR_HOME", str(tmp_path))
    monkeypatch.delenv("WEIR_KAFKA", raising=False)
    monkeypatch.delenv("WEIR_DRIVER_KAFKA", raising=False)
    assert (Settings.load().kafka, Settings.load().driver_kafka) == ("stack:9092", "stack:9094")
    monkeypatch.setenv("WEIR_KAFKA", "mine:9092")
    assert (Settings.load().kafka, Settings.load().driver_kafka) == ("mine:9092", "")


def test_a_driver_is_given_the_options_of_its_own_model() -> None:
    @dataclass(frozen=True)
    class Options(CountsOptions):
        dialect: int = 1
        depth_s: int = 5

    spec = SPEC.model_copy(update={"options": {"pane": 20, "dialect": 3, "depth": 7}})
    args = arguments(spec, first_head("error_counts", at({0: 0}), 1), "v1", "file:///c", Settings(home="h"))
    found = JobArguments.from_argv(args.to_argv()).typed(Options)
    assert (found.pane_s, found.dialect, found.depth_s, found.shards) == (20, 3, 7, 4)
    assert json.loads(args.to_argv()[0])["pane_s"] == 20, "as a kept bundle of release adaf5c8 reads it"


def plain(text: str) -> PlainSpec:
    spec = parse(f"name: words\noutput: plain\n{text}", "x")
    assert isinstance(spec, PlainSpec)
    return spec


def test_the_arguments_of_a_plain_job_are_filled_in(tmp_path: Path) -> None:
    settings = Settings(home="h", kafka="outside:9092", driver_kafka="inside:19092")
    spec = plain("""
application: words.py
source: {topics: [a, b]}
arguments: ['{kafka}', subscribe, '{topic}', 'at={checkpoint}', '{"a": {"b": 1}}', '{folder}/model.bin', '{job}-{version}', 7]
""")
    asked = plain_submission(spec, 3, "v1", "file:///c/3", f"{tmp_path}/v1", settings)
    folder = str(tmp_path / "v1/words")
    assert asked.arguments == [
        "inside:19092", "subscribe", "a,b", "at=file:///c/3", '{"a": {"b": 1}}', f"{folder}/model.bin", "words-v1", "7"
    ]  # fmt: skip
    assert (asked.name, asked.application, asked.env["PYTHONPATH"]) == ("weir:words:3", f"{folder}/words.py", f"{folder}:{tmp_path}/v1")


@pytest.mark.parametrize(("folder", "locale"), [("/srv/My Projects", None), ("/srv/größe", "C.UTF-8")])
def test_java_can_name_every_folder(folder: str, locale: str | None, tmp_path: Path) -> None:
    """In a worker's locale C, Java writes `größe` as `gr??e`, another folder than the supervisor reads."""
    spec = plain("application: words.py")
    asked = plain_submission(spec, 1, "v1", f"file://{folder}/1", str(tmp_path), Settings(home="h", checkpoints=folder))
    assert asked.env.get("LC_ALL") == locale


def test_a_jar_is_run_by_its_main_class(tmp_path: Path) -> None:
    settings = Settings(home="h", spark_jars="/jars/kafka.jar")
    spec = plain(
        "jar: words.jar\nmain_class: org.example.Words\njars: [lib/a.jar, 'hdfs://x/b.jar', /opt/c.jar]\narguments: ['{checkpoint}']"
    )
    asked = plain_submission(spec, 1, "v1", "file:///c/1", str(tmp_path), settings)
    args = create_request(asked, "spark://m:7077")["appArgs"]
    assert args[args.index("--class") + 1] == "org.example.Words" and args[-2:] == [str(tmp_path / "words/words.jar"), "file:///c/1"]
    assert args[args.index("--jars") + 1] == f"/jars/kafka.jar,{tmp_path}/words/lib/a.jar,hdfs://x/b.jar,/opt/c.jar"


def test_yarn_is_not_given_a_file_system_that_its_client_cannot_ask(tmp_path: Path) -> None:
    settings = Settings(home=str(tmp_path))
    args = arguments(SPEC, first_head("error_counts", at({0: 0}), 1), "v1", "file:///c", settings)
    clusters = ("standalone", "yarn")
    usual, on_yarn = (submission(SPEC.model_copy(update={"cluster": one}), args, str(PROJECT), settings).conf for one in clusters)
    assert usual["spark.hadoop.fs.file.impl"].endswith(".RawLocalFileSystem")
    assert usual.keys() - on_yarn.keys() == {"spark.hadoop.fs.file.impl"}
