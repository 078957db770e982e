"""Lines from TCP and UDP senders through real sockets into a spool on a real disk."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import psutil
import pytest

from weir.collect import intake as intakes
from weir.collect.counters import Counters, Seldom
from weir.collect.intake import Intake
from weir.collect.senders.acceptor import Acceptor
from weir.collect.senders.connection import Asked
from weir.collect.senders.framing import Either
from weir.collect.senders.lines import Lines
from weir.collect.senders.tcp import TcpServer
from weir.collect.senders.udp import UdpServer, dropped
from weir.collect.spool.disk import Folder
from weir.collect.spool.reader import Reader
from weir.collect.spool.spool import Bounds, Spool
from weir.collect.tls import server_context
from weir.errors import BadInput
from weir.local import certs

PATIENCE_S = 60.0
LOCAL = Asked("127.0.0.1", 0)


@dataclass
class World:
    """A collector without Kafka: what is in its spool, and what it told."""

    path: Path
    bounds: Bounds = field(default_factory=Bounds)
    told: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.counters, self.say = Counters(), Seldom(self.told.append, clock=lambda: 0.0)
        self.spool = Spool(Folder(self.path), self.bounds, 0, self.told.append)

    @asynccontextmanager
    async def tcp(self, asked: Asked = LOCAL, framing: type[Lines] | type[Either] = Lines, longest: int = 100) -> AsyncIterator[int]:
        """Listen, and give the port. At the end all that was read is on disk."""
        self.intake = Intake(self.spool, self.counters, self.say)
        server = TcpServer(asked, partial(framing, b"web", longest), self.intake, self.counters, self.say)
        port = int((await server.start()).rpartition(":")[2])
        writing = asyncio.ensure_future(self.intake.run())
        try:
            yield port
        finally:
            await server.stop()
            self.intake.close()
            await writing
            await server.close()

    def lines(self) -> list[bytes]:
        reader, found = Reader(self.spool, 0), list[bytes]()
        while record := reader.next(0):
            assert record.block.key == b"web"
            found += record.block.values()
        return found

    async def until(self, so: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not so():
                await asyncio.sleep(0.01)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


async def dial(port: int, tls: ssl.SSLContext | None = None) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", port, ssl=tls, server_hostname="localhost" if tls else None)


async def send(port: int, text: bytes, tls: ssl.SSLContext | None = None) -> None:
    _, writer = await dial(port, tls)
    writer.write(text)
    await writer.drain()
    writer.close()


def test_lines_of_a_thousand_senders(world: World) -> None:
    async def run() -> None:
        async with world.tcp() as port:
            dialled = [await dial(port) for _ in range(1000)]
            await world.until(lambda: world.counters.connections == 1000)
            for n, (_, writer) in enumerate(dialled):
                writer.write(b"%d a\n%d b" % (n, n))
            for _, writer in dialled:
                writer.write(b"\n")
                writer.close()
            await world.until(lambda: world.counters.lines == 2000 and world.counters.connections == 0)

    asyncio.run(run())
    assert sorted(world.lines()) == sorted(b"%d %s" % (n, x) for n in range(1000) for x in (b"a", b"b"))
    for n in (0, 999):
        assert [line for line in world.lines() if line.startswith(b"%d " % n)] == [b"%d a" % n, b"%d b" % n]


def test_a_sender_is_told_how_many_of_its_lines_are_on_disk(world: World) -> None:
    async def run() -> bytes:
        async with world.tcp(replace(LOCAL, acknowledge=True)) as port:
            reader, writer = await dial(port)
            writer.write(b"a\nb\n" + b"x" * 101 + b"\nc\nrest")
            answer = b""
            while answer != b"3 1\n":
                answer = await asyncio.wait_for(reader.readline(), PATIENCE_S)
                safe = int(answer.split()[0])
                assert len(world.lines()) >= safe
            writer.close()
            await world.until(lambda: world.counters.cut == 1)
            return answer

    assert asyncio.run(run()) == b"3 1\n" and world.lines() == [b"a", b"b", b"c"]
    assert world.counters.refused == 1


def test_a_sender_that_sends_no_more_gets_its_last_acknowledgement(world: World) -> None:
    async def run() -> bytes:
        async with world.tcp(replace(LOCAL, acknowledge=True)) as port:
            reader, writer = await dial(port)
            writer.write(b"a\nb\n")
            writer.write_eof()
            answer = await asyncio.wait_for(reader.read(), PATIENCE_S)
            await world.until(lambda: world.counters.connections == 0)
            return answer

    assert asyncio.run(run()).splitlines()[-1] == b"2 0" and world.lines() == [b"a", b"b"]


def test_a_reset_within_a_line_drops_the_line_and_joins_it_to_no_other(world: World) -> None:
    async def run() -> None:
        async with world.tcp() as port:
            _, writer = await dial(port)
            writer.write(b"whole\nhalf of a li")
            await world.until(lambda: world.counters.lines == 1)
            found: socket.socket = writer.get_extra_info("socket")
            found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
            await send(port, b"ne of another\n")
            await world.until(lambda: world.counters.lines == 2 and world.counters.cut == 1)

    asyncio.run(run())
    assert world.lines() == [b"whole", b"ne of another"]
    assert any("in the middle of a line, which was dropped: half of a li" in sentence for sentence in world.told)


def test_too_many_connections_are_turned_away(world: World) -> None:
    async def run() -> None:
        async with world.tcp(replace(LOCAL, connections=1)) as port:
            first = await dial(port)
            await world.until(lambda: world.counters.connections == 1)
            other, _ = await dial(port)
            with suppress(ConnectionResetError):
                assert await asyncio.wait_for(other.read(), PATIENCE_S) == b""
            await world.until(lambda: world.counters.turned_away == 1)
            assert world.counters.connections == 1
            first[1].close()

    asyncio.run(run())
    assert "was turned away: 1 connections are open" in world.told[0]


def test_a_flood_of_connections_opens_no_more_files_than_the_limit(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """asyncio's own server accepts as many as its backlog has, 1,024, before it hands over the first."""
    most, accepted, at_once = 0, Acceptor._accept, 0

    def counted(self: Acceptor, found: socket.socket) -> None:
        nonlocal most
        accepted(self, found)
        most = max(most, psutil.Process().num_fds() - at_once)

    monkeypatch.setattr(Acceptor, "_accept", counted)

    async def run() -> None:
        nonlocal at_once
        async with world.tcp(replace(LOCAL, connections=5)) as port:
            senders = [socket.socket() for _ in range(200)]
            at_once = psutil.Process().num_fds()
            for sender in senders:
                sender.connect(("127.0.0.1", port))
            await world.until(lambda: world.counters.turned_away == 195)
            assert world.counters.connections == 5
            for sender in senders:
                sender.close()

    asyncio.run(run())
    assert 5 <= most <= 6


def test_a_tls_handshake_counts_as_a_connection(world: World, tmp_path: Path) -> None:
    home = tmp_path / "home"
    certs.ensure(home)
    server = server_context(str(certs.cert_file(home, "kafka")), str(certs.key_file(home, "kafka")), "")
    known = ssl.create_default_context(cafile=str(certs.ca_file(home)))

    async def run() -> None:
        async with world.tcp(replace(LOCAL, tls=server, connections=1)) as port:
            silent, writer = await dial(port)
            with pytest.raises(OSError):
                await send(port, b"refused\n", known)
            assert world.counters.turned_away == 1
            writer.write(b"no handshake")
            with suppress(ConnectionResetError):
                await asyncio.wait_for(silent.read(), PATIENCE_S)
            await world.until(lambda: any("TLS handshake failed" in sentence for sentence in world.told))
            await send(port, b"taken\n", known)
            await world.until(lambda: world.counters.lines == 1)

    asyncio.run(run())
    assert world.lines() == [b"taken"]


def test_idle_connections_are_closed(world: World) -> None:
    async def run() -> None:
        async with world.tcp(replace(LOCAL, idle_s=0.1)) as port:
            reader, _ = await dial(port)
            assert await asyncio.wait_for(reader.read(), PATIENCE_S) == b""
            await world.until(lambda: world.counters.connections == 0)

    asyncio.run(run())
    assert "sent nothing for 0 s and was disconnected" in world.told[0]


def test_a_full_spool_holds_senders_back_and_drops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intakes, "BOUND", 10_000)
    monkeypatch.setattr(intakes, "AGAIN_S", 0.05)
    world = World(tmp_path, Bounds(200_000, 20_000))
    lines = [b"%06d %s" % (n, b"x" * 80) for n in range(200_000)]

    async def run() -> None:
        async with world.tcp() as port:
            _, writer = await dial(port)
            sending = asyncio.ensure_future(_drained(writer, b"\n".join(lines) + b"\n"))
            await world.until(lambda: any("is full: senders are held back" in sentence for sentence in world.told))
            assert world.counters.held_since is not None and world.spool.size > 150_000
            assert not sending.done()
            found: list[bytes] = []
            number = 0
            while len(found) < len(lines):
                reader = Reader(world.spool, number)
                while record := reader.next(0):
                    found += record.block.values()
                    number = record.after.number
                world.spool.remove_before(number)
                await asyncio.sleep(0.01)
            assert found == lines
            await sending

    asyncio.run(asyncio.wait_for(run(), 4 * PATIENCE_S))
    assert world.counters.held_since is None


async def _drained(writer: asyncio.StreamWriter, text: bytes) -> None:
    writer.write(text)
    await writer.drain()
    writer.close()
    await writer.wait_closed()


def test_what_was_read_is_on_disk_at_the_end_also_of_a_full_spool(tmp_path: Path) -> None:
    world = World(tmp_path, Bounds(10_000, 1_000))

    async def run() -> None:
        async with world.tcp() as port:
            for n in range(300):
                await send(port, b"%d %s\n" % (n, b"x" * 80))
            await world.until(lambda: len(world.intake._pending) > 0 and world.counters.connections == 0)

    asyncio.run(run())
    assert len(world.lines()) == 300


def test_tls_with_the_certificate_of_a_sender(world: World, tmp_path: Path) -> None:
    home = tmp_path / "home"
    certs.ensure(home)
    server = server_context(str(certs.cert_file(home, "kafka")), str(certs.key_file(home, "kafka")), str(certs.ca_file(home)))
    known, unknown = (ssl.create_default_context(cafile=str(certs.ca_file(home))) for _ in range(2))
    known.load_cert_chain(certs.cert_file(home, "client"), certs.key_file(home, "client"))

    async def run() -> None:
        async with world.tcp(replace(LOCAL, tls=server)) as port:
            await send(port, b"secret\n", known)
            await world.until(lambda: world.counters.lines == 1)
            with suppress(OSError):  # in TLS 1.3 a sender hears of it after it has written
                await send(port, b"refused\n", unknown)
            with suppress(OSError):
                await send(port, b"in plain text\n")
            await send(port, b"secret, too\n", known)
            await world.until(lambda: world.counters.lines == 2)

    asyncio.run(run())
    assert world.lines() == [b"secret", b"secret, too"]


def test_files_of_a_certificate_that_do_not_fit_are_named(tmp_path: Path) -> None:
    certs.ensure(tmp_path)
    cert, key = str(certs.cert_file(tmp_path, "kafka")), str(certs.key_file(tmp_path, "client"))
    with pytest.raises(BadInput, match="cannot be used"):
        server_context(cert, key, "")
    with pytest.raises(BadInput, match="belong together"):
        server_context(cert, "", "")
    assert server_context("", "", "") is None


def test_a_framing_that_is_broken_ends_its_connection_alone(world: World) -> None:
    async def run() -> None:
        async with world.tcp(framing=Either) as port:
            await send(port, b"5 <1>ab7 <1>a\ncd9999999999 x")
            await send(port, b"<13>one\n")
            await world.until(lambda: world.counters.lines == 3 and world.counters.malformed == 1)

    asyncio.run(run())
    assert sorted(world.lines()) == [b"<13>one", b"<1>a\ncd", b"<1>ab"]


def test_an_address_that_is_taken_is_told(world: World) -> None:
    async def run() -> None:
        async with world.tcp() as port:
            server = TcpServer(replace(LOCAL, port=port), partial(Lines, b"k"), world.intake, world.counters, world.say)
            with pytest.raises(BadInput, match=f"Cannot listen on 127.0.0.1:{port}"):
                await server.start()

    asyncio.run(run())


def test_datagrams(world: World) -> None:
    async def run() -> None:
        intake = Intake(world.spool, world.counters, world.say)
        server = UdpServer("127.0.0.1", 0, b"web", 100, intake, world.counters, world.say)
        port = int((await server.start()).removesuffix("/udp").rpartition(":")[2])
        writing = asyncio.ensure_future(intake.run())
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for message in (b"<13>a", b"<13>b\n", b"x" * 101, b"<13>two\nlines"):
                sender.sendto(message, ("127.0.0.1", port))
            await world.until(lambda: world.counters.lines == 3 and world.counters.refused == 1)
        assert world.counters.dropped() == 0
        await server.stop()
        intake.close()
        await writing
        await server.close()
        assert world.counters.dropped() is None

    asyncio.run(run())
    assert world.lines() == [b"<13>a", b"<13>b", b"<13>two\nlines"]


def test_the_kernel_says_how_many_datagrams_it_dropped(tmp_path: Path) -> None:
    table = tmp_path / "udp"
    table.write_text(
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n"
        " 1: 00000000:1F90 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4711 2 0000000000000000 17\n"
    )
    assert (dropped(table, "socket:[4711]"), dropped(table, "socket:[1]"), dropped(tmp_path / "none", "x")) == (17, None, None)
