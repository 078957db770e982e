"""Which tables can take which batches, judged without a server."""

from __future__ import annotations

from dataclasses import replace

import pytest

from spark_jobs.sinks import cassandra_table, postgresql_table
from spark_jobs.sinks.kafka_records import problems as no_records
from spark_jobs.sinks.postgresql_table import Column

CARDS = postgresql_table.Table(
    {"card": Column("text", nullable=False), "sum": Column("numeric(12,2)"), "at": Column("timestamp with time zone")},
    [frozenset({"card"})],
)
SCHEMA = {"card": "string", "sum": "decimal(12,2)", "at": "timestamp"}
ROWS = cassandra_table.Table("k", "cards", {"card": "text", "sum": "decimal", "at": "timestamp"}, ("card",))


def test_tables_that_fit_have_no_problems() -> None:
    assert postgresql_table.problems(CARDS, SCHEMA, ["card"]) == []
    assert postgresql_table.problems(CARDS, {**SCHEMA, "_deleted": "boolean"}, ["card"], "_deleted") == []
    assert cassandra_table.problems(ROWS, SCHEMA) == []
    assert cassandra_table.problems(ROWS, {**SCHEMA, "_deleted": "boolean"}, "_deleted") == []
    assert no_records({"value": "binary", "key": "string", "partition": "int", "headers": "array<struct<key:string,value:binary>>"}) == []


@pytest.mark.parametrize(
    ("table", "schema", "says"),
    [
        (None, SCHEMA, "does not exist"),
        (replace(CARDS, permanent=False), SCHEMA, "unlogged"),
        (replace(CARDS, unique=[frozenset({"card", "at"})]), SCHEMA, r"no unique index over exactly \(card\)"),
        (replace(CARDS, columns={**CARDS.columns, "card": Column("text")}), SCHEMA, "card may be null"),
        (replace(CARDS, columns={**CARDS.columns, "at": Column("bigint", generated=True)}), SCHEMA, "generates its column at"),
        (CARDS, {**SCHEMA, "more": "int"}, "no column more"),
        (CARDS, {"sum": "decimal(12,2)"}, "the pipeline has no column card"),
        (CARDS, {**SCHEMA, "sum": "decimal(12,3)"}, r"sum is numeric\(12,2\), which does not hold every decimal\(12,3\)"),
        (CARDS, {**SCHEMA, "at": "timestamp_ntz"}, "at is timestamp with time zone"),
        (CARDS, {**SCHEMA, "sum": "map<string,int>"}, "does not hold every map<string,int>"),
    ],
)
def test_postgresql_says_what_it_cannot_hold(table: postgresql_table.Table | None, schema: dict[str, str], says: str) -> None:
    (problem,) = postgresql_table.problems(table, schema, ["card"])
    with pytest.raises(ValueError, match=says):
        raise ValueError(problem)


def test_a_flag_of_deletes_must_be_boolean() -> None:
    assert postgresql_table.problems(CARDS, {**SCHEMA, "gone": "int"}, ["card"], "gone") == [
        "the pipeline has no boolean column gone, which sink.deleted names"
    ]
    assert cassandra_table.problems(ROWS, SCHEMA, "gone") == ["the pipeline has no boolean column gone, which sink.deleted names"]


@pytest.mark.parametrize(
    ("kind", "column", "fits"),
    [
        ("int", "integer", True),
        ("int", "smallint", False),
        ("bigint", "integer", False),
        ("bigint", "numeric(5,0)", False),
        ("bigint", "numeric(19,0)", True),
        ("int", "numeric", True),
        ("int", "numeric(12,-2)", False),
        ("decimal(20,4)", "numeric", True),
        ("decimal(20,4)", "numeric(18,4)", False),
        ("decimal(20,4)", "double precision", False),
        ("double", "real", False),
        ("float", "double precision", True),
        ("timestamp", "timestamp(3) with time zone", False),
        ("string", "character varying(20)", True),
        ("string", "character(20)", False),
        ("array<int>", "integer[]", True),
        ("array<bigint>", "integer[]", False),
        ("array<array<int>>", "integer[]", False),
        ("array<int>", "integer", False),
        ("struct<a:int>", "jsonb", False),
        ("void", "text", False),
    ],
)
def test_only_types_of_postgresql_that_change_no_value_are_taken(kind: str, column: str, fits: bool) -> None:
    assert postgresql_table.exact(kind, column) is fits


@pytest.mark.parametrize(
    ("table", "says"),
    [
        (None, "does not exist"),
        (replace(ROWS, ttl_s=60), "default_time_to_live"),
        (replace(ROWS, grace_s=0), "gc_grace_seconds"),
        (replace(ROWS, static=("sum",)), "sum is static"),
        (replace(ROWS, columns={**ROWS.columns, "sum": "counter"}), "sum is a counter"),
        (replace(ROWS, columns={**ROWS.columns, "sum": "list<text>"}), "sum is list<text>, which grows"),
        (replace(ROWS, columns={**ROWS.columns, "card": "frozen<list<text>>"}), "key has the column card"),
        (replace(ROWS, columns={**ROWS.columns, "more": "int"}), "no column more, and every row must write every column"),
        (replace(ROWS, columns={"card": "text", "sum": "decimal"}), "no column at"),
        (replace(ROWS, columns={**ROWS.columns, "sum": "double"}), "sum is double"),
    ],
)
def test_cassandra_says_what_cannot_be_repeated(table: cassandra_table.Table | None, says: str) -> None:
    assert any(says in problem for problem in cassandra_table.problems(table, SCHEMA))


def test_kafka_names_the_columns_that_have_no_place_in_a_record() -> None:
    assert no_records({"key": "int", "sum": "bigint"}) == [
        "the pipeline has no column value",
        "the column key is int, and must be string or binary",
        "the column sum has no place in a record: use to_json or another encoding to put it into value",
    ]
