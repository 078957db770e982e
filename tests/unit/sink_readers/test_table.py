"""Which table is read by whom, and what its values are as JSON."""

from __future__ import annotations

import datetime
import json
import sys
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.jobs.test_landed_spec import GOOD, spec
from weir.errors import BadInput, BadSpec, NoReader, Prerequisite
from weir.jobs.spec import parse
from weir.sink_readers.table import page, plain, query, read_as

READER = {"user": "weir_reader", "password_file": "/run/secrets/reader"}


def test_the_reader_takes_the_place_of_the_drivers_user_and_of_all_its_secrets() -> None:
    sink = {**GOOD["sink"], "password_file": "/run/secrets/driver", "ca_file": "/ca", "cert_file": "/d.crt", "key_file": "/d.key"}
    found = read_as(spec(sink=sink, reader=READER))
    assert (found.user, found.password_file, found.cert_file, found.key_file) == ("weir_reader", "/run/secrets/reader", "", "")
    assert (found.host, found.table, found.ca_file) == ("db", "public.cards", "/ca")


def test_no_driver_is_told_of_the_reader() -> None:
    assert "weir_reader" not in json.dumps(spec(reader=READER).sink)


@pytest.mark.parametrize(("sink", "user"), [(GOOD["sink"], "weir"), ({"kind": "kafka", "topic": "t"}, "weir_reader")])
def test_a_reader_that_cannot_be_one_is_refused_by_the_spec(sink: dict[str, Any], user: str) -> None:
    with pytest.raises(BadSpec, match="reader: is for a sink in PostgreSQL, with another user than the sink's"):
        spec(sink=sink, reader={"user": user})


def test_what_is_missing_is_said_with_what_to_add() -> None:
    with pytest.raises(NoReader, match="WEIR-109: The spec of cards names no role that reads its sink") as told:
        read_as(spec())
    assert "reader: {user:" in str(told.value)
    with pytest.raises(BadInput, match="cards has no rows in PostgreSQL"):
        read_as(spec(sink={"kind": "kafka", "topic": "t"}))
    with pytest.raises(BadInput, match="words has no rows in PostgreSQL"):
        read_as(parse("name: words\noutput: plain\napplication: words.py\n", "x"))
    with pytest.raises(BadInput, match="appends rows, so they have no key to go by"):
        page(spec(reader=READER), [], [], 10, 1.0)
    keyed = spec(sink={**GOOD["sink"], "mode": "upsert", "key": ["card"]}, reader=READER)
    for key, after in ((["a", "b"], []), ([], ["a", "b"])):
        with pytest.raises(BadInput, match="the rows of cards have the key card"):
            page(keyed, key, after, 10, 1.0)


def test_a_machine_without_the_client_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg2", None)
    monkeypatch.setitem(sys.modules, "psycopg2.sql", None)
    monkeypatch.delitem(sys.modules, "weir.sink_readers.statements", raising=False)
    keyed = spec(sink={**GOOD["sink"], "mode": "upsert", "key": ["card"]}, reader=READER)
    for ask in (lambda: query(keyed, "SELECT 1", 1, 1.0), lambda: page(keyed, [], [], 1, 1.0)):
        with pytest.raises(Prerequisite, match=r"WEIR-203.*weir\[sink-postgresql\]"):
            ask()


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, None),
        (True, True),
        (2**60, 2**60),
        (1.5, 1.5),
        (float("nan"), "nan"),
        (Decimal("12.50"), "12.50"),
        (Decimal("1E+3"), "1000"),
        (Decimal("NaN"), "NaN"),
        (memoryview(b"\x00\xff"), "\\x00ff"),
        (datetime.datetime(2026, 1, 31, 12, tzinfo=datetime.UTC), "2026-01-31T12:00:00+00:00"),
        (datetime.timedelta(hours=1), "1:00:00"),
        ([Decimal(1), None], ["1", None]),
        ({"a": [Decimal("0.1")]}, {"a": ["0.1"]}),
    ],
)
def test_values_keep_every_digit(value: Any, shown: Any) -> None:
    assert plain(value) == shown
    json.dumps(plain(value), allow_nan=False)
