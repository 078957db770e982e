"""A user's Spark connection becomes Weir's settings."""

from __future__ import annotations

import pytest
from airflow.sdk import Connection

from weir.errors import BadInput
from weir.operators.connection import with_connection
from weir.settings import Settings

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


def test_client_mode_is_refused() -> None:
    with pytest.raises(BadInput, match="spark_default: extra deploy-mode is 'client'"):
        addresses('{"conn_type": "spark", "host": "spark://m:7077", "extra": {"deploy-mode": "client"}}')
