"""Streams: one look for all who listen, told once, with heartbeats, an end and no listener left behind. Time passes only when told to."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Coroutine
from types import SimpleNamespace
from typing import Any

import pytest

from weir.api import ending
from weir.console import live
from weir.console.live import BEAT, BEAT_S, EVERY_S, LIFE_S, Fragments, Live


class Time:
    """A clock whose sleepers wake when it is put forward."""

    def __init__(self) -> None:
        self.now = 0.0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self.now + seconds, woken))
        await woken

    async def passes(self, seconds: float) -> None:
        until = self.now + seconds
        while due := sorted((at, n) for n, (at, woken) in enumerate(self._sleepers) if at <= until and not woken.done()):
            self.now, n = due[0]
            self._sleepers[n][1].set_result(None)
            await settled()
        self.now = until
        await settled()


async def settled() -> None:
    """Let all that can run, run."""
    for _ in range(30):
        await asyncio.sleep(0)


class World:
    """What is looked at, and how often it was."""

    def __init__(self) -> None:
        self.time = Time()
        self.live = Live(self.time.sleep, self.time)
        self.value: object = "a"
        self.looks = self.renders = 0

    async def look(self) -> object:
        self.looks += 1
        if isinstance(self.value, Exception):
            raise self.value
        return self.value

    def render(self, seen: object) -> Fragments:
        self.renders += 1
        return {"same": "always", "value": str(seen)}

    def listen(self, asked: str = "", topic: str = "t") -> Listener:
        return Listener(self.live.listen(topic, self.look, asked, self.render))


class Listener:
    """Reads a stream into `heard`, as a connection does."""

    def __init__(self, stream: AsyncIterator[str]) -> None:
        self.heard: list[str] = []
        self.stream = stream
        self.task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for text in self.stream:
            self.heard.append(text)

    @property
    def told(self) -> list[dict[str, str]]:
        return [json.loads(text.removeprefix("data: ")) for text in self.heard if text.startswith("data: ")]

    async def goes(self) -> None:
        self.task.cancel()
        await settled()


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, 30))


def test_all_who_listen_share_each_look_and_what_is_rendered_of_it() -> None:
    async def test() -> None:
        world = World()
        listeners = [world.listen() for _ in range(20)]
        await settled()
        assert (world.looks, world.renders) == (1, 1)
        assert all(listener.told == [{"same": "always", "value": "a"}] for listener in listeners)
        world.value = "b"
        await world.time.passes(EVERY_S)
        assert (world.looks, world.renders) == (2, 2)
        assert all(listener.told[1:] == [{"value": "b"}] for listener in listeners), "only what has changed is told"
        other = world.listen(asked="another filter")
        await settled()
        assert (world.looks, world.renders) == (2, 3), "who comes later sees the look that there is"
        assert other.told == [{"same": "always", "value": "b"}]

    run(test())


def test_what_has_not_changed_is_not_told_and_silence_is_broken_by_a_heartbeat() -> None:
    async def test() -> None:
        world = World()
        listener = world.listen()
        await settled()
        await world.time.passes(BEAT_S - 0.5)
        assert len(listener.told) == 1 and BEAT not in listener.heard and world.looks > 3
        await world.time.passes(2.5)
        assert listener.heard.count(BEAT) == 1
        await world.time.passes(BEAT_S)
        assert listener.heard.count(BEAT) == 2 and len(listener.told) == 1

    run(test())


def test_a_look_that_was_kept_is_rendered_once() -> None:
    async def test() -> None:
        world = World()
        listener = world.listen()
        await settled()
        await world.time.passes(3 * EVERY_S)
        assert world.looks == 4 and world.renders == 1 and len(listener.told) == 1
        world.value = ["another object"]
        await world.time.passes(EVERY_S)
        assert world.renders == 2 and len(listener.told) == 2

    run(test())


def test_heartbeats_come_while_a_look_hangs() -> None:
    async def test() -> None:
        world = World()
        listener = Listener(world.live.listen("t", asyncio.Event().wait, "", world.render))
        await settled()
        await world.time.passes(BEAT_S + 1)
        assert BEAT in listener.heard and not listener.told

    run(test())


def test_nothing_is_looked_at_for_nobody() -> None:
    async def test() -> None:
        world = World()
        first, second = world.listen(), world.listen()
        await settled()
        await first.goes()
        await world.time.passes(EVERY_S)
        assert world.looks == 2, "there is still one who listens"
        await second.goes()
        await world.time.passes(10 * EVERY_S)
        assert world.looks == 2 and not world.live.full
        again = world.listen()
        await settled()
        assert world.looks == 3 and len(again.told) == 1

    run(test())


def test_a_stream_ends_by_itself_and_the_look_with_it() -> None:
    async def test() -> None:
        world = World()
        listener = world.listen()
        await settled()
        await world.time.passes(LIFE_S - 2 * EVERY_S)
        assert not listener.task.done()
        await world.time.passes(BEAT_S + 2 * EVERY_S)
        assert listener.task.done() and listener.task.exception() is None
        looks = world.looks
        await world.time.passes(10 * EVERY_S)
        assert world.looks == looks

    run(test())


def test_a_look_that_fails_is_told_and_tried_again() -> None:
    async def test() -> None:
        world = World()
        world.value = OSError("away")
        listener = world.listen()
        await settled()
        assert listener.told[0]["value"] == "away"
        world.value = "back"
        await world.time.passes(EVERY_S)
        assert listener.told[1] == {"value": "back"}

    run(test())


def test_topics_have_looks_of_their_own_and_share_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MOST", 3)

    async def test() -> None:
        world = World()
        listeners = [world.listen(topic="one"), world.listen(topic="one"), world.listen(topic="two")]
        await settled()
        assert world.looks == 2 and world.live.full
        await listeners[0].goes()
        assert not world.live.full

    run(test())


def test_a_server_that_is_told_to_end_need_not_wait_for_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    class Server:
        """As uvicorn's: the handler of the signal is a method of it."""

        should_exit = False

        def handle_exit(self, *_: object) -> None: ...

    server = Server()
    monkeypatch.setattr(ending, "signal", SimpleNamespace(SIGTERM=signal.SIGTERM, getsignal=lambda _: server.handle_exit))

    async def test() -> None:
        world = World()
        listener = world.listen()
        await settled()
        await world.time.passes(EVERY_S)
        assert not listener.task.done()
        server.should_exit = True
        await world.time.passes(EVERY_S)
        assert listener.task.done()

    run(test())


def test_no_fragment_can_end_its_event() -> None:
    """What a log line brings in may have every kind of line break."""

    async def test() -> None:
        world = World()
        world.value = "x\n\nevent: y\ndata: z\r\r\u2028\x85"
        listener = world.listen()
        await settled()
        (message,) = [text for text in listener.heard if text.startswith("data: ")]
        assert message.endswith("\n\n") and len(message.splitlines()) == 2 and listener.told[0]["value"] == world.value

    run(test())
