"""A TCP proxy in front of a stack's Cassandra that can pass writes and drop their answers, be slow, or cut connections."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable

LOOPBACK = "127.0.0.1"
CHUNK = 64 * 1024
PASS, DROP_ANSWERS, SLOW, CUT = "pass", "drop answers", "slow", "cut"
SLOW_S = 2.0


def everybody(port: int) -> bool:
    """Default for whom to cut: clients at every port."""
    return True


class Proxy:
    """Listens on `port` from the start; calls `target` for each connection. Set `mode` from any thread.

    `whom` says whether a client's port is one to cut.
    """

    def __init__(self, target: Callable[[], int]) -> None:
        self.mode = PASS
        self.port = 0
        self.whom = everybody
        self._target = target
        self._up = threading.Event()
        self._links: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._run, daemon=True).start()
        self._up.wait()

    def cut(self) -> None:
        """Close the connections to cut; data in flight on them is lost."""
        self._loop.call_soon_threadsafe(self._abort)

    def _abort(self) -> None:
        for client, server in list(self._links):
            if self.whom(_port(client)):
                client.transport.abort()
                server.transport.abort()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._listen())
        self._up.set()
        self._loop.run_forever()

    async def _listen(self) -> None:
        server = await asyncio.start_server(self._connected, LOOPBACK, 0)
        self.port = server.sockets[0].getsockname()[1]

    async def _connected(self, client_in: asyncio.StreamReader, client_out: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            if self.mode == CUT and self.whom(_port(client_out)):
                raise ConnectionRefusedError
            server_in, server_out = await asyncio.open_connection(LOOPBACK, self._target())
            self._links.add((client_out, server_out))
            try:
                await asyncio.gather(self._pump(client_in, server_out, False), self._pump(server_in, client_out, True))
            finally:
                self._links.discard((client_out, server_out))
                server_out.close()
        client_out.close()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, answers: bool) -> None:
        """Copy until one side ends. After a dropped answer the connection lacks a frame, so it must be cut before it is used again."""
        with contextlib.suppress(OSError):
            while data := await source.read(CHUNK):
                if answers and self.mode == SLOW:
                    await asyncio.sleep(SLOW_S)
                if not (answers and self.mode == DROP_ANSWERS):
                    sink.write(data)
                    await sink.drain()
        sink.close()


def _port(client: asyncio.StreamWriter) -> int:
    return int((client.get_extra_info("peername") or (0, 0))[1])
