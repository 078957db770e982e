"""A user's Spark connection becomes Weir's settings."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from airflow.sdk import Connection

from weir.airflow.connection import elsewhere, with_connection
from weir.cli.common import opened_manager
from weir.errors import BadInput
from weir.settings import PROJECT, Settings

HERE = Settings(home="/nowhere", spark_master="spark://here:1", spark_rest="http://here:2")


def addresses(text: str) -> tuple[str, str]:
    settings = with_connection(HERE, Connection.from_json(text))
    return settings.spark_master, settings.spark_rest


@pytest.mark.parametrize(
    ("connection", "master", "rest"),
    [
        ('{"conn_type": "spark", "host": "spark://m", "port": 7077}', "spark://m:7077", "http://m:6066"),
        ('{"conn_type": "spark", "host": "m", "port": 7077}', "spark://m:7077", "http://m:6066"),
        ('{"conn_type": "spark", "host": "spark://m:7077", "extra": {"rest-port": 7066}}', "spark://m:7077", "http://m:7066"),
        ('{"conn_type": "spark", "host": "spark://m:7077", "extra": {"rest-scheme": "https"}}', "spark://m:7077", "https://m:6066"),
        (
            '{"conn_type": "spark", "host": "spark://a:7077,b:7077", "extra": {"deploy-mode": "cluster"}}',
            "spark://a:7077,b:7077",
            "http://a:6066,http://b:6066",
        ),
        ('{"conn_type": "spark", "host": "spark://a,b", "port": 7077}', "spark://a:7077,b:7077", "http://a:6066,http://b:6066"),
        ('{"conn_type": "spark", "host": "spark://a:7077,b", "port": 7077}', "spark://a:7077,b:7077", "http://a:6066,http://b:6066"),
        ('{"conn_type": "spark", "host": "k8s://https://api", "port": 6443}', "k8s://https://api:6443", ""),
        ('{"conn_type": "spark", "host": "yarn"}', "yarn", ""),
    ],
)
def test_addresses(connection: str, master: str, rest: str) -> None:
    assert addresses(connection) == (master, rest)


def test_a_connection_as_a_uri() -> None:
    settings = with_connection(HERE, Connection.from_uri("spark://m:7077?deploy-mode=cluster&rest-port=6067", "spark"))
    assert (settings.spark_master, settings.spark_rest) == ("spark://m:7077", "http://m:6067")


def test_everything_else_stays() -> None:
    assert with_connection(HERE, Connection.from_uri("spark://m:7077", "spark")).kafka == HERE.kafka


@pytest.mark.parametrize("name", ["rest-port", "ui-port"])
def test_a_port_that_is_none_is_named_with_its_connection(name: str) -> None:
    with pytest.raises(BadInput, match=f"spark_default: extra {name}"):
        addresses(f'{{"conn_type": "spark", "host": "spark://m:7077", "extra": {{"{name}": "many"}}}}')


def test_client_mode_is_refused() -> None:
    with pytest.raises(BadInput, match="spark_default: extra deploy-mode is 'client'"):
        addresses('{"conn_type": "spark", "host": "spark://m:7077", "extra": {"deploy-mode": "client"}}')


@pytest.mark.parametrize(
    ("connection", "kind", "link"),
    [
        (
            '{"conn_type": "spark", "host": "k8s://https://api", "port": 6443, "password": "t"}',
            "kubernetes",
            "https://api:6443/api/v1/namespaces/a/pods/b/log?container=spark-kubernetes-driver",
        ),
        (
            '{"conn_type": "spark", "host": "k8s://api:6443", "extra": {"log-url": "https://logs/{namespace}/{pod}"}}',
            "kubernetes",
            "https://logs/a/b",
        ),
        (
            '{"conn_type": "spark", "host": "yarn", "extra": {"yarn_resourcemanager_webapp_address": "http://rm:8088"}}',
            "yarn",
            "http://rm:8088/cluster/app/a%3Ab",
        ),
    ],
)
def test_a_connection_to_another_cluster_manager(connection: str, kind: str, link: str) -> None:
    ((found, cluster),) = elsewhere(Connection.from_json(connection), lambda submission: "").items()
    assert (found, cluster.log_link("a:b")) == (kind, link)


def test_a_connection_to_a_standalone_master_is_no_other_manager() -> None:
    assert elsewhere(Connection.from_uri("spark://m:7077", "spark"), lambda submission: "") == {}


def test_the_pages_of_the_masters() -> None:
    settings = with_connection(
        HERE, Connection.from_json('{"conn_type": "spark", "host": "spark://a:7077,b:7077", "extra": {"ui-port": 8081}}')
    )
    assert settings.spark_ui == "http://a:8081,http://b:8081"


def test_the_command_line_finds_a_job_of_another_cluster_by_the_same_connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Airflow's tasks do, so that both doors lead to the same drivers."""
    opened = []
    (tmp_path / "counts").mkdir()
    text = (PROJECT / "spark_jobs/error_counts/job.yaml").read_text()
    (tmp_path / "counts/job.yaml").write_text(text + "cluster: yarn\n")
    monkeypatch.setenv("WEIR_JOBS", str(tmp_path))
    monkeypatch.setenv("AIRFLOW_CONN_SPARK_DEFAULT", '{"conn_type": "spark", "host": "yarn"}')
    found = SimpleNamespace(close=lambda: None)
    monkeypatch.setattr("weir.factory.manager", lambda settings, others=None: opened.append(others) or found)
    with opened_manager() as manager:
        assert manager is found
    assert list(opened[0]) == ["yarn"]
