"""Rows as PostgreSQL's COPY, as records of Kafka and as manifests; and waiting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from threading import Event
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException
from hypothesis import given
from hypothesis import strategies as st

from spark_jobs.protocol.head import first_head
from spark_jobs.sinks.copy_text import Stream, lines
from spark_jobs.sinks.errors import BadRows, BadTarget, SinkAway
from spark_jobs.sinks.kafka_producer import explained
from spark_jobs.sinks.kafka_records import records
from spark_jobs.sinks.manifests import Manifest, batches, folder_of, landed_files, manifests, of_written, path_of
from spark_jobs.sinks.patience import patiently, within

HEAD = replace(first_head("cards", {}, 1), epoch=1, attempt=3, batch_id=4, by=3)
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


def copied(*rows: tuple[Any, ...]) -> bytes:
    names = [f"c{n}" for n in range(len(rows[0]))]
    return b"".join(lines(rows, names, lambda what: BadRows("t", what)))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "\\N"),
        ("\\N", "\\\\N"),
        ("a\tb\nc\r\\ \U0001f600", "a\\tb\\nc\\r\\\\ \U0001f600"),
        ("", ""),
        (True, "t"),
        (-5, "-5"),
        (Decimal("1E+3"), "1E+3"),
        (float("nan"), "nan"),
        (b"\0\xff", "\\\\x00ff"),
        (date(2026, 1, 2), "2026-01-02"),
        (datetime(2026, 1, 2, 3, 4, 5, 6, UTC), "2026-01-02T03:04:05.000006+00:00"),
        ([1, None], '{"1",NULL}'),
        (['say "x\\"', ""], '{"say \\\\"x\\\\\\\\\\\\"",""}'),
        ([], "{}"),
    ],
)
def test_values_as_copy_reads_them(value: Any, text: str) -> None:
    assert copied((value,)) == f"{text}\n".encode()


@pytest.mark.parametrize("spoiled", ["a\0b", "\ud83d", ["x", "\0"]])
def test_text_that_postgresql_cannot_store_is_refused_with_its_column(spoiled: Any) -> None:
    with pytest.raises(BadRows, match=r"WEIR-324: t cannot hold a row of this batch: the column c1 has a text with the character NUL"):
        copied((1, "fine"), (2, spoiled))


@given(st.lists(st.tuples(TEXT, st.none() | TEXT), min_size=1), st.integers(1, 30))
def test_text_comes_back_in_whatever_pieces_it_is_read(rows: list[tuple[str, str | None]], size: int) -> None:
    stream, parts = Stream(iter([copied(row) for row in rows])), []
    while part := stream.read(size):
        assert len(part) <= size
        parts.append(part)
    # COPY's rules, undone by hand.
    undone = {"\\\\": "\\", "\\t": "\t", "\\n": "\n", "\\r": "\r"}

    def plain(text: str) -> str | None:
        if text == "\\N":
            return None
        out, at = "", 0
        while at < len(text):
            pair = text[at : at + 2]
            out, at = (out + undone[pair], at + 2) if pair in undone else (out + text[at], at + 1)
        return out

    found = b"".join(parts).decode().removesuffix("\n").split("\n")
    assert [tuple(map(plain, line.split("\t"))) for line in found] == rows


def test_a_record_has_the_same_headers_in_whatever_order_a_batch_is_written() -> None:
    rows = [("a", b"1"), ("b", b"2"), ("a", b"1"), ("a", None)]
    names, found = ["key", "value"], []
    for order in (rows, rows[::-1]):
        found.append(sorted((str(r.key), str(r.value), tuple(r.headers)) for r in records(order, names, HEAD)))
    assert found[0] == found[1]
    ids = [dict(r.headers)["weir-n"] for r in records(rows, names, HEAD)]
    assert len(set(ids)) == 4, "equal records are told apart"
    assert ids[0] is not None
    assert ids[0].endswith(b"-0")
    assert ids[2] == ids[0].replace(b"-0", b"-1")


def test_records_have_job_epoch_and_batch_after_their_own_headers() -> None:
    (record,) = records([("v", [("h", b"1"), ("n", None)], 2)], ["value", "headers", "partition"], HEAD)
    own = [("h", b"1"), ("n", None), ("weir-job", b"cards"), ("weir-epoch", b"1"), ("weir-batch", b"4")]
    assert (record.headers[:-1], record.partition, record.key, record.value) == (own, 2, None, b"v")


class Folder:
    def __init__(self, content: Mapping[str, bytes]) -> None:
        self.content = dict(content)

    def sizes(self, folder: str) -> dict[str, int]:
        own = {path.rpartition("/") for path in self.content}
        return {name: len(self.content[f"{folder}/{name}"]) for place, _, name in own if place == folder}

    def read(self, path: str) -> bytes | None:
        return self.content.get(path)


def written(batch_id: int) -> tuple[Manifest, dict[str, bytes]]:
    folder = folder_of(3, batch_id)
    one = Manifest("cards", 1, batch_id, 3, 2, "ab", {f"{folder}/x.parquet": 4})
    return one, {f"{folder}/x.parquet": b"data", f"{folder}/_written.json": one.dump(), f"{folder}/y.parquet": b"not noted"}


def test_a_manifest_names_what_was_written_and_readers_see_only_that() -> None:
    four, content = written(4)
    five, more = written(5)
    folder = Folder({**content, **more, path_of(1, 4): four.dump(), "_manifests/.x.json.new": b"", "_manifests/other": b""})
    assert of_written(folder, HEAD) == four
    assert batches(folder) == [(1, 4)]
    assert landed_files(manifests(folder)) == ["attempt=3/batch=4/x.parquet"], "batch 5 has not landed"
    assert Manifest.load(five.dump()) == five


@pytest.mark.parametrize(
    ("path", "data", "says"),
    [
        ("attempt=3/batch=4/_written.json", None, "_written.json is gone"),
        ("attempt=3/batch=4/x.parquet", None, "x.parquet is gone"),
        ("attempt=3/batch=4/x.parquet", b"longer", "has 6 bytes, and had 4"),
        ("attempt=3/batch=4/_written.json", b"{}", "no manifest of format 1"),
        ("attempt=3/batch=4/_written.json", b"{", "_written.json: "),
        ("attempt=3/batch=4/_written.json", replace(written(4)[0], job="other").dump(), "two jobs write to one folder"),
    ],
)
def test_files_that_are_not_whole_are_not_published(path: str, data: bytes | None, says: str) -> None:
    folder = Folder(written(4)[1])
    folder.content = {p: d for p, d in {**folder.content, path: data}.items() if d is not None}
    with pytest.raises((FileNotFoundError, ValueError), match=says):
        of_written(folder, HEAD)


def test_an_outage_is_waited_for_and_not_for_ever() -> None:
    now, slept = [0.0], list[float]()

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    def run() -> str:
        if now[0] < 3:
            raise ConnectionError("gone")
        return "done"

    def tried(patience_s: float) -> str:
        return patiently("write", run, lambda error: isinstance(error, ConnectionError), patience_s, sleep, lambda: now[0])

    assert (tried(10), slept[:4]) == ("done", [0.2, 0.4, 0.8, 1.6])
    now[0] = 0.0
    with pytest.raises(SinkAway, match=r"WEIR-325: write: gone \(tried for 2 s\)"):
        tried(2)
    with pytest.raises(ZeroDivisionError):
        patiently("write", lambda: 1 // 0, lambda error: False)


def test_an_error_of_a_record_says_more_than_that_of_its_transaction() -> None:
    ended, large, gone = (KafkaError(code) for code in (KafkaError._STATE, KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.UNKNOWN_TOPIC_OR_PART))
    assert explained("t", KafkaException(ended), None) is None, "it passes"
    assert isinstance(explained("t", KafkaException(ended), large), BadRows)
    assert isinstance(explained("t", KafkaException(gone), KafkaError(KafkaError._PURGE_QUEUE)), BadTarget)


def test_a_call_that_does_not_end_is_left_behind() -> None:
    woken = Event()
    with pytest.raises(TimeoutError, match="commit did not end within 0 s"):
        within(0.05, "commit", lambda: woken.wait(60))
    woken.set()
    assert within(60, "commit", lambda: "done") == "done"
    with pytest.raises(ZeroDivisionError):
        within(60, "commit", lambda: 1 // 0)
