"""The section `sink` of a spec."""

from __future__ import annotations

import re
from typing import Any

import pytest

from spark_jobs.sinks.settings import Kafka, Postgresql, checked, settings_of

POSTGRESQL = {"kind": "postgresql", "host": "db", "database": "d", "user": "u", "table": "public.cards"}


def test_a_section_becomes_the_settings_of_its_kind() -> None:
    assert settings_of({**POSTGRESQL, "mode": "upsert", "key": ["card"]}) == Postgresql(
        "db", "d", "u", "public.cards", mode="upsert", key=("card",)
    )
    assert settings_of({"kind": "kafka", "topic": "out", "transaction_timeout": "2m"}) == Kafka("out", transaction_timeout_s=120.0)
    assert settings_of(checked(POSTGRESQL)) == settings_of(POSTGRESQL), "what is checked can be read again"


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({}, "sink.kind must be one of cassandra, postgresql, kafka, parquet"),
        ({"kind": "mysql"}, "sink.kind must be one of"),
        ({"kind": "kafka"}, "sink.topic is missing"),
        ({"kind": "kafka", "topic": ""}, "sink.topic must be text"),
        ({"kind": "kafka", "topic": 5}, "sink.topic must be text"),
        (
            {"kind": "kafka", "topic": "out", "tpoic": "x"},
            "sink.tpoic is no field of a sink of kind kafka, which has topic, kind",
        ),
        ({"kind": "kafka", "topic": "out", "transaction_timeout": "soon"}, "sink.transaction_timeout must be a duration"),
        ({"kind": "kafka", "topic": "out", "transaction_timeout": "1s"}, "sink.transaction_timeout must be at least 10s"),
        ({"kind": "kafka", "topic": "out", "compression": "rar"}, "sink.compression must be one of none"),
        ({"kind": "parquet", "path": "/data"}, "sink.path must be a URI"),
        ({"kind": "cassandra", "table": "cards"}, "sink.table must be KEYSPACE.TABLE"),
        ({**POSTGRESQL, "table": "cards"}, "sink.table must be SCHEMA.TABLE"),
        ({**POSTGRESQL, "port": "5432"}, "sink.port must be a whole number"),
        ({**POSTGRESQL, "mode": "merge"}, "sink.mode must be append or upsert"),
        ({**POSTGRESQL, "mode": "upsert"}, "sink.key name the key's columns"),
        ({**POSTGRESQL, "key": ["card"]}, "sink.key name the key's columns"),
        ({**POSTGRESQL, "key": "card"}, "sink.key must be a list of names"),
        ({**POSTGRESQL, "deleted": "_deleted"}, "sink.deleted needs mode: upsert"),
    ],
)
def test_what_is_wrong_is_named(values: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        checked(values)
