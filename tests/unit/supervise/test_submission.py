from dataclasses import replace
from pathlib import Path

from spark_jobs.protocol import first_head
from weir.cluster.spark import create_request
from weir.settings import PROJECT, Settings
from weir.supervise.spec import load_all
from weir.supervise.submission import arguments, submission

SPEC = load_all(PROJECT / "spark_jobs")["error_counts"]


def test_jars_of_the_settings_go_with_each_driver_and_none_are_named_without_them(tmp_path: Path) -> None:
    """The embedded stack has Kafka's among Spark's own; a cluster of somebody else is told of them."""
    args = arguments(SPEC, first_head("error_counts", {0: 0}, "topic", 1), "v1", "file:///c", Settings(home=str(tmp_path)))
    there, none = (
        create_request(submission(SPEC, args, PROJECT, replace(Settings(home=str(tmp_path)), spark_jars=jars)), "")["appArgs"]
        for jars in ("/j/kafka.jar,/j/pool.jar", "")
    )
    assert there[there.index("--jars") + 1] == "/j/kafka.jar,/j/pool.jar"
    assert "--jars" not in none
