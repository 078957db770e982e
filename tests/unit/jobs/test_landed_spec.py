"""The spec of a landed job, and which changes of it the epoch cannot follow."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from weir.errors import BadSpec
from weir.jobs.landed_spec import LandedSpec
from weir.jobs.spec import JobSpec, parse
from weir.jobs.specs import in_force
from weir.ports.jobs import JobRow

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


def test_another_reader_of_its_rows_applies_without_a_deploy() -> None:
    ran, here = spec(reader={"user": "gone"}), spec(reader={"user": "weir_reader"}, output_mode="update")
    found = in_force(here, JobRow("cards", 1, "running", "v1", ran.dump(), "ana", "", 0))
    assert isinstance(found, LandedSpec) and found.reader == here.reader and found.output_mode == "append"


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


FOLDER: dict[str, Any] = {"path": "/data/in", "format": "csv", "schema": "id long", "options": {"header": True}}


def test_a_folder_is_a_source_by_its_uri() -> None:
    found = spec(sources={"files": {**FOLDER, "files_per_batch": 5}, "lines": {"topic": "w"}})
    of_reader = {"format": "csv", "files_per_batch": 5, "schema": "id long", "options": {"header": "true"}}
    assert found.inputs == {"files": {"folder": "file:///data/in", **of_reader}, "lines": {"topics": ["w"]}}
    assert dict(found.folders) == {0: "file:///data/in"} and found.source.names == ("file:///data/in", "w")
    reads = found.source.subscription
    assert (reads.topics, reads.folders, reads.several) == (("w",), ("file:///data/in",), True)
    assert spec(sources={"files": FOLDER}).source.subscription.single == ""
    assert parse(found.dump(), "the store") == found


def test_a_job_without_a_folder_is_stored_as_earlier_releases_read_it() -> None:
    assert '"sources":{"a":{"topic":"x","topics":[]}}' in spec(sources={"a": {"topic": "x"}}).dump()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"path": "in"}, "sources.a.path: must be an absolute path, or a URI that begins with file://, hdfs://"),
        ({"path": "gs://bucket/in"}, "sources.a.path: must be an absolute path"),
        ({"path": "file://host/in"}, "sources.a.path: must be an absolute path"),
        ({"path": "/in/*.csv"}, "which Spark reads as a pattern"),
        ({"format": None}, "sources.a: a path needs a format"),
        ({"format": "parquet"}, "sources.a.format"),
        ({"schema": ""}, "csv and json need a schema, and text has none"),
        ({"format": "text"}, "csv and json need a schema, and text has none"),
        ({"options": {"cleanSource": "delete"}}, "sources.a.options: cleanSource: Weir sets this"),
        ({"files_per_batch": 0}, "sources.a.files_per_batch"),
        ({"topic": "w"}, "name exactly one of topic, topics and path"),
    ],
)
def test_a_mistake_about_a_folder_is_named(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(BadSpec, match=told):
        spec(sources={"a": {**FOLDER, **changes}})


def test_a_folder_is_read_once_and_from_its_first_file() -> None:
    with pytest.raises(BadSpec, match="the folder file:///data/in is read by several sources"):
        spec(sources={"a": FOLDER, "b": {**FOLDER, "path": "file:///data/in/"}})
    with pytest.raises(BadSpec, match="a folder is read from its first file, so start can only be earliest"):
        spec(sources={"a": FOLDER}, start="2026-01-31T12:00:00Z")


def test_how_a_folder_is_read_may_change_and_which_may_not() -> None:
    ran = spec(sources={"a": FOLDER})
    assert spec(sources={"a": {**FOLDER, "schema": "id long, t string", "files_per_batch": 9}}).cannot_follow(ran, True) == ""
    assert "topics or paths" in spec(sources={"a": {**FOLDER, "path": "/other"}}).cannot_follow(ran, False)
