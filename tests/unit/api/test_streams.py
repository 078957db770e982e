"""Streams of landed records, over a broker in memory."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.parts import until
from tests.unit.api.service import BASE, Service
from tests.unit.jobs.test_landed_spec import spec
from weir.api.limits import Buckets
from weir.api.serve import alone
from weir.api.streams import BEAT, Streams
from weir.api.tokens import StaticTokens
from weir.errors import NotRunning
from weir.sink_readers.records import EARLIEST, beginning
from weir.testing import MemoryBroker

JOB = spec(name="scores", sink={"kind": "kafka", "topic": "out"})


class Streamed:
    """A service whose streams live for a moment only, so that each answer ends."""

    def __init__(self, folder: Path, most: int = 5) -> None:
        self.service = Service(folder)
        self.broker, self.streams = self.service.world.broker, Streams(most, life_s=0.5, beat_s=0.05)
        self.broker.create("out", 2)
        self.service.manager.specs["scores"] = JOB
        buckets = Buckets(self.service.world.clock, 1e9, 10**9)
        app = alone(StaticTokens(self.service.file), self.service.ask, self.service.world.clock, buckets, self.streams)
        self.client = TestClient(app, raise_server_exceptions=False)

    def get(self, after: str = "", job: str = "scores", **query: str) -> Any:
        headers = {**self.service.headers("ben"), **({"Last-Event-ID": after} if after else {})}
        return self.client.get(f"{BASE}/jobs/{job}/rows/events", params=query, headers=headers)

    def add(self, *values: bytes) -> None:
        for n, value in enumerate(values):
            self.broker.add("out", n % 2, b"k", value, 1)


@pytest.fixture
def streamed(tmp_path: Path) -> Streamed:
    return Streamed(tmp_path)


def parsed(text: str) -> tuple[list[dict[str, Any]], str]:
    """Return the events and the last id, as a browser's EventSource has them: an id without data is no event."""
    events, last = [], ""
    for block in text.split("\n\n"):
        lines = [line for line in block.split("\n") if line and not line.startswith(":")]
        fields = dict(line.split(": ", 1) for line in lines)
        last = fields.get("id", last)
        if "data" in fields:
            events.append({"event": fields.get("event", "message"), **json.loads(fields["data"])})
    return events, last


def test_each_record_comes_once_and_an_id_continues_behind_it(streamed: Streamed) -> None:
    streamed.add(b"a", b"b", b"c")
    answer = streamed.get(start="earliest")
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-store" and answer.headers["x-accel-buffering"] == "no"
    events, last = parsed(answer.text)
    assert [one["value"] for one in events] == ["a", "c", "b"] and BEAT in answer.text
    assert parsed(streamed.get(last).text) == ([], last)
    streamed.add(b"d")
    assert [one["value"] for one in parsed(streamed.get(last, start="earliest").text)[0]] == ["d"]


def test_one_who_begins_now_has_a_place_before_the_first_record_comes(streamed: Streamed) -> None:
    streamed.add(b"old")
    events, place = parsed(streamed.get().text)
    streamed.add(b"new")
    assert events == [] and [one["value"] for one in parsed(streamed.get(place).text)[0]] == ["new"]


def test_what_retention_deleted_is_an_event(streamed: Streamed) -> None:
    _, place = parsed(streamed.get().text)
    streamed.add(b"a", b"b", b"c")
    streamed.broker.forget("out", 0, 1)
    events, _ = parsed(streamed.get(place).text)
    assert events[0] == {"event": "lost", "partition": 0, "start": 0, "end": 1} and [one["value"] for one in events[1:]] == ["c", "b"]


def test_refusals_are_problems(streamed: Streamed, tmp_path: Path) -> None:
    assert streamed.client.get(f"{BASE}/jobs/scores/rows/events").status_code == 401
    for answer in (streamed.get("x:1"), streamed.get(start="then"), streamed.get(job="idle"), streamed.get(since="1h")):
        assert (answer.status_code, answer.json()["code"]) == (400, "WEIR-101"), answer.text
    assert streamed.get(job="none").json()["code"] == "WEIR-103"
    streamed.streams.open = 5
    answer = streamed.get()
    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (429, "WEIR-603", "10")


def test_airflows_service_streams_nothing(service: Service) -> None:
    from weir.api.app import build

    app = build(StaticTokens(service.file), service.ask)
    assert TestClient(app).get("/jobs/scores/rows/events", headers=service.headers()).status_code == 404


def test_a_subscriber_that_leaves_frees_its_place_and_its_reader() -> None:
    closed, broker, streams = threading.Event(), MemoryBroker(), Streams(beat_s=0.01)
    broker.create("out", 1)
    begin = beginning(broker, JOB, "", EARLIEST)

    async def leave() -> None:
        stream = streams.listen(begin)
        await anext(stream)
        follower = begin.follow()
        follower.close = closed.set  # type: ignore[method-assign]
        object.__setattr__(begin, "follow", lambda: follower)
        await anext(stream)
        assert streams.open == 1
        await stream.aclose()  # type: ignore[attr-defined]

    asyncio.run(leave())
    assert streams.open == 0 and closed.wait(5)


def test_a_broker_that_fails_ends_the_stream(streamed: Streamed) -> None:
    class Failing(MemoryBroker):
        def follow(self, topic: str, position: Any) -> Any:
            raise NotRunning("The broker does not answer.")

    broker = Failing()
    broker.create("out", 1)

    async def all_of() -> list[str]:
        return [text async for text in streamed.streams.listen(beginning(broker, JOB, "", EARLIEST))]

    assert len(asyncio.run(all_of())) == 1
    until(lambda: streamed.streams.open == 0, "its place is free", 5)
