"""What the collector makes of messages that an MQTT broker delivers again. The broker is a script of packets (MQTT 3.1.1)."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

pytest.importorskip("paho.mqtt.client", reason="the client is not installed: pip install paho-mqtt")

from weir.collect.counters import Counters, Seldom
from weir.collect.intake import Intake
from weir.collect.senders.mqtt import Asked, MqttSender
from weir.collect.spool.disk import Folder
from weir.collect.spool.reader import Reader
from weir.collect.spool.spool import Bounds, Spool

PATIENCE_S = 60.0
CONNECT, PUBACK, SUBSCRIBE = 0x10, 0x40, 0x82


class SlowFolder(Folder):
    """A disk that waits until it may go on."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.may = threading.Event()

    def write(self, name: str, at: int, data: bytes) -> None:
        assert self.may.wait(PATIENCE_S)
        super().write(name, at, data)


class Peer:
    """The broker's end of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def expect(self, kind: int) -> bytes:
        """Read packets until one of a kind comes, and return its body."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                first, size = await self._reader.readexactly(2)
                body = await self._reader.readexactly(size)
                if first == kind:
                    return body

    async def accept(self, resumed: bool) -> None:
        await self.expect(CONNECT)
        self._writer.write(bytes([0x20, 2, int(resumed), 0]))
        number = (await self.expect(SUBSCRIBE))[:2]
        self._writer.write(bytes([0x90, 3]) + number + b"\x01")

    def publish(self, mid: int, payload: bytes, again: bool = False) -> None:
        body = b"\x00\x01t" + mid.to_bytes(2, "big") + payload
        self._writer.write(bytes([0x3A if again else 0x32, len(body)]) + body)

    def drop(self) -> None:
        self._writer.transport.abort()


class World:
    """A collector whose disk waits, and the connections that it makes."""

    def __init__(self, path: Path) -> None:
        self.disk, self.counters = SlowFolder(path), Counters()
        self.spool = Spool(self.disk, Bounds(), 0, print)
        self.peers: asyncio.Queue[Peer] = asyncio.Queue()

    async def __aenter__(self) -> World:
        async def dialled(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self.peers.put(Peer(reader, writer))

        self.server = await asyncio.start_server(dialled, "127.0.0.1", 0)
        port = self.server.sockets[0].getsockname()[1]
        self.intake = Intake(self.spool, self.counters, Seldom(lambda said: None))
        self.sender = MqttSender(Asked("127.0.0.1", port, ("t",), "c", b"k", 100, v5=False), self.intake, self.counters, Seldom(print))
        await self.sender.start()
        self.writing = asyncio.ensure_future(self.intake.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self.disk.may.set()
        await self.sender.stop()
        self.intake.close()
        await self.writing
        await self.sender.close()
        self.server.close()

    async def next(self, resumed: bool) -> Peer:
        peer = await asyncio.wait_for(self.peers.get(), PATIENCE_S)
        await peer.accept(resumed)
        return peer

    def values(self) -> list[bytes]:
        reader, found = Reader(self.spool, 0), list[bytes]()
        while record := reader.next(0):
            found += record.block.values()
        return found


def test_a_message_is_acknowledged_once_it_is_on_disk(tmp_path: Path) -> None:
    async def run() -> World:
        async with World(tmp_path) as world:
            peer = await world.next(resumed=False)
            peer.publish(7, b"a")
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(peer.expect(PUBACK), 0.3)
            world.disk.may.set()
            assert await peer.expect(PUBACK) == b"\x00\x07"
            return world

    assert asyncio.run(run()).values() == [b"a"]


def test_a_message_that_this_process_holds_is_not_taken_twice_in_a_resumed_session(tmp_path: Path) -> None:
    async def run() -> World:
        async with World(tmp_path) as world:
            peer = await world.next(resumed=False)
            peer.publish(7, b"a")
            await asyncio.wait_for(_until(lambda: bool(world.intake._size)), PATIENCE_S)
            peer.drop()
            peer = await world.next(resumed=True)
            peer.publish(7, b"a", again=True)
            peer.publish(8, b"b")
            world.disk.may.set()
            assert [await peer.expect(PUBACK), await peer.expect(PUBACK)] == [b"\x00\x07", b"\x00\x08"]
            return world

    world = asyncio.run(run())
    assert (world.values(), world.counters.redelivered) == ([b"a", b"b"], 0)


def test_a_number_of_another_session_is_another_message(tmp_path: Path) -> None:
    async def run() -> World:
        async with World(tmp_path) as world:
            peer = await world.next(resumed=False)
            peer.publish(7, b"a")
            await asyncio.wait_for(_until(lambda: bool(world.intake._size)), PATIENCE_S)
            peer.drop()
            peer = await world.next(resumed=False)
            peer.publish(7, b"b")
            world.disk.may.set()
            assert await peer.expect(PUBACK) == b"\x00\x07"
            return world

    assert asyncio.run(run()).values() == [b"a", b"b"]


def test_a_number_that_was_acknowledged_says_nothing_of_a_later_message(tmp_path: Path) -> None:
    async def run() -> World:
        async with World(tmp_path) as world:
            world.disk.may.set()
            peer = await world.next(resumed=False)
            peer.publish(7, b"a")
            await peer.expect(PUBACK)
            peer.drop()
            peer = await world.next(resumed=True)
            peer.publish(7, b"b", again=True)
            await peer.expect(PUBACK)
            return world

    world = asyncio.run(run())
    assert (world.values(), world.counters.redelivered) == ([b"a", b"b"], 1)


async def _until(so: object) -> None:
    while not so():  # type: ignore[operator]
        await asyncio.sleep(0.01)
