"""Take lines from TCP connections, plain or TLS: one event loop for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from weir.collect.counters import Counters, Seldom
from weir.collect.intake import Intake
from weir.collect.senders.connection import Asked, Connection, Shared
from weir.collect.senders.framer import Framer
from weir.errors import BadInput

HANDSHAKE_S = 10.0
LOOKS = 10  # looks for idle connections in an idle limit
BACKLOG = 1024  # connections that the kernel keeps until they are accepted


class TcpServer:
    """Listens, and keeps the set of open connections. It counts in `counters`."""

    def __init__(self, asked: Asked, framer: Callable[[], Framer], intake: Intake, counters: Counters, say: Seldom) -> None:
        self._asked, self._intake, self._say = asked, intake, say
        self._shared = Shared(asked, framer, intake, counters, say)
        self._server: asyncio.Server | None = None
        self._looks: asyncio.TimerHandle | None = None

    async def start(self) -> str:
        """Listen, and return the address. Raises BadInput if it is not available."""
        loop, asked = asyncio.get_running_loop(), self._asked
        patience = HANDSHAKE_S if asked.tls else None
        try:
            self._server = await loop.create_server(
                lambda: Connection(self._shared), asked.host, asked.port, backlog=BACKLOG, ssl=asked.tls, ssl_handshake_timeout=patience
            )
        except OSError as error:
            what = f"Cannot listen on {asked.host}:{asked.port}: {error.strerror or error}."
            raise BadInput(what, "Choose another address: --host, --port.") from error
        self._intake.add(self)
        self._look()
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"{host}:{port}"

    def hold(self) -> None:
        for connection in self._shared.open:
            connection.hold()

    def release(self) -> None:
        for connection in self._shared.open:
            connection.release()

    async def stop(self) -> None:
        """Stop accepting and reading. Connections stay open until `close`, so that their last acknowledgements are sent."""
        if self._server:
            self._server.close()
        if self._looks:
            self._looks.cancel()
        self.hold()

    async def close(self) -> None:
        for connection in list(self._shared.open):
            connection.close()

    def _look(self) -> None:
        """Close connections that were idle for too long."""
        if not self._asked.idle_s:
            return
        loop = asyncio.get_running_loop()
        for connection in [one for one in self._shared.open if loop.time() - one.heard > self._asked.idle_s and not self._intake.holds]:
            self._say("idle", f"{connection.peer} sent nothing for {self._asked.idle_s:.0f} s and was disconnected.")
            connection.close()
        self._looks = loop.call_later(self._asked.idle_s / LOOKS, self._look)
