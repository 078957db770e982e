"""The spec of a landed job, and which changes of it the epoch cannot follow."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from weir.errors import BadSpec
from weir.jobs.landed_spec import LandedSpec
from weir.jobs.spec import JobSpec, parse

GOOD: dict[str, Any] = {
    "name": "cards",
    "output": "landed",
    "sources": {"withdrawals": {"topic": "w"}, "limits": {"topics": ["l1", "l2"]}},
    "sink": {"kind": "postgresql", "host": "db", "database": "bank", "user": "weir", "table": "public.cards"},
}


def spec(**changes: Any) -> LandedSpec:
    found = parse(yaml.safe_dump({**GOOD, **changes}, sort_keys=False), "cards/job.yaml")
    assert isinstance(found, LandedSpec)
    return found


def test_its_sources_are_read_in_their_order_and_are_one_subscription_for_supervision() -> None:
    found = spec()
    assert found.inputs == {"withdrawals": {"topics": ["w"]}, "limits": {"topics": ["l1", "l2"]}}
    assert list(found.inputs) == ["withdrawals", "limits"]
    assert found.source.names == ("w", "l1", "l2")
    assert spec(sources={"withdrawals": {"topic": "w"}}, start="2026-01-31T12:00:00Z").source.start == "2026-01-31T12:00:00Z"


def test_the_store_gives_back_what_it_was_given() -> None:
    for one in (spec(), spec(sources={"b": {"topic": "x"}, "a": {"topic": "y"}}, start={"x/0": 5})):
        again = parse(one.dump(), "the store")
        assert again == one and isinstance(again, LandedSpec) and list(again.sources) == list(one.sources)


def test_its_driver_runs_weirs_program_with_the_job_beside_it() -> None:
    found = spec()
    assert (found.main, found.entry, found.module, found.folder) == (
        "spark_jobs/landed/main.py",
        "cards/pipeline.py",
        "cards.pipeline",
        "cards",
    )


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"sources": {}}, "sources"),
        ({"sources": {"a": {"topic": "x", "topics": ["y"]}}}, "sources.a: name exactly one of topic, topics and path"),
        ({"sources": {"a": {"topic": "x"}, "b": {"topics": ["x", "y"]}}}, "must be topic names, each once"),
        ({"sink": {"kind": "mysql"}}, "sink.kind must be one of"),
        ({"sink": {**GOOD["sink"], "table": "cards"}}, "sink.table must be SCHEMA.TABLE"),
        ({"output_mode": "some"}, "output_mode"),
        ({"standby": "warm"}, "standby"),
    ],
)
def test_a_mistake_is_named_by_its_field(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(BadSpec, match=told):
        spec(**changes)


@pytest.mark.parametrize(
    ("changes", "stateful", "told"),
    [
        ({}, True, ""),
        ({"limits": {"lines_per_batch": 5}, "sink": {**GOOD["sink"], "host": "db2", "password_file": "/run/s"}}, True, ""),
        ({"sources": dict(reversed(GOOD["sources"].items()))}, False, "sources: Spark keeps offsets by the order of withdrawals, limits"),
        ({"sources": {"withdrawals": {"topic": "w"}}}, False, "sources"),
        ({"sink": {**GOOD["sink"], "table": "public.other"}}, False, "sink.table: what has landed is in the old target"),
        ({"output_mode": "update"}, True, "output_mode"),
        ({"output_mode": "update"}, False, ""),
        ({"spark_conf": {"spark.sql.shuffle.partitions": 8}}, True, "spark_conf.spark.sql.shuffle.partitions"),
        ({"spark_conf": {"spark.sql.shuffle.partitions": 8}}, False, ""),
    ],
)
def test_what_an_epoch_cannot_follow_is_refused(changes: dict[str, Any], stateful: bool, told: str) -> None:
    ran: JobSpec = spec()
    found = spec(**changes).cannot_follow(ran, stateful)
    assert found.startswith(told) if told else found == ""
