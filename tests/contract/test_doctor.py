"""`weir doctor` on real servers that are broken in one place each."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from weir.cassandra.migrate import migrate
from weir.doctor.cassandra import cassandra
from weir.doctor.kafka import kafka
from weir.doctor.line import Line
from weir.doctor.run import lines_of
from weir.settings import Settings

pytestmark = pytest.mark.stack


def wrong(lines: list[Line]) -> list[tuple[str, str]]:
    """The lines that are not ok: check and code. Each says what to do."""
    found = [line for line in lines if not line.ok]
    assert all(line.next_step for line in found)
    return [(line.check, line.code) for line in found]


def test_topics_as_people_have_them(real_kafka: Settings, tmp_path: Path) -> None:
    name = f"topic_{uuid4().hex[:8]}"
    for each, what in {"good": f"topic: {name}", "gone": f"topic: {name}_gone", "none": f"pattern: '{name}_none.*'"}.items():
        (tmp_path / each).mkdir()
        (tmp_path / each / "job.yaml").write_text(f"name: {each}\noutput: counts\napplication: spark_jobs/x.py\nsource: {{{what}}}\n")
    config = {"message.timestamp.type": "CreateTime", "cleanup.policy": "compact"}
    admin = AdminClient({"bootstrap.servers": real_kafka.kafka})  # kept: an answer is lost with its client
    admin.create_topics([NewTopic(name, 2, 1, config=config)])[name].result(30)
    lines = list(kafka(replace(real_kafka, jobs=str(tmp_path))))
    assert wrong(lines) == [
        (f"topic {name}_gone of gone", "WEIR-204"),
        (f"topic {name} of good", ""),
        (f"topic {name} of good", ""),
        ("topics of none", "WEIR-204"),
    ]
    assert "CreateTime" in lines[2].told and "compacted" in lines[3].told


def test_a_broker_that_is_away(real_kafka: Settings) -> None:
    ((check, code),) = wrong(lines_of("Kafka", lambda: kafka(replace(real_kafka, kafka="127.0.0.1:1"))))
    assert check == "Kafka" and code in ("WEIR-201", "WEIR-208")


def test_a_keyspace_that_is_not_there_and_then_is(real_cassandra: Settings) -> None:
    settings = replace(real_cassandra, cassandra_keyspace=f"weir_{uuid4().hex[:8]}")
    assert wrong(lines_of("Cassandra", lambda: cassandra(settings))) == [("Cassandra", "WEIR-212")]
    migrate(settings)
    lines = lines_of("Cassandra", lambda: cassandra(settings))
    assert wrong(lines) == [] and "rights in Cassandra" in {line.check for line in lines}
    assert wrong(lines_of("Cassandra", lambda: cassandra(replace(settings, cassandra_datacenter="dc9")))) == [("Cassandra", "WEIR-213")]
