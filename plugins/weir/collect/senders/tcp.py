"""Take lines from TCP connections, plain or TLS: one event loop for all of them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from weir.collect.counters import Counters, Seldom
from weir.collect.intake import Intake
from weir.collect.open_files import require_files
from weir.collect.senders.acceptor import Acceptor, listening
from weir.collect.senders.connection import Asked, Connection, Shared
from weir.collect.senders.framer import Framer
from weir.errors import BadInput

HANDSHAKE_S = 10.0
LOOKS = 10  # looks for idle connections in an idle limit


class TcpServer:
    """Listens, and keeps the set of open connections. It counts in `counters`."""

    def __init__(self, asked: Asked, framer: Callable[[], Framer], intake: Intake, counters: Counters, say: Seldom) -> None:
        self._asked, self._intake, self._counters, self._say = asked, intake, counters, say
        self._shared = Shared(asked, framer, intake, counters, say)
        self._acceptor: Acceptor | None = None
        self._looks: asyncio.TimerHandle | None = None

    async def start(self) -> str:
        """Listen, and return the address. Raises BadInput if it is not available, or the system allows too few open files."""
        asked = self._asked
        require_files(asked.connections)
        try:
            sockets = listening(asked.host, asked.port)
        except OSError as error:
            what = f"Cannot listen on {asked.host}:{asked.port}: {error.strerror or error}."
            raise BadInput(what, "Choose another address: --host, --port.") from error
        self._acceptor = Acceptor(sockets, asked.connections, self._serve, self._counters, self._say)
        self._intake.add(self)
        self._look()
        host, port = sockets[0].getsockname()[:2]
        return f"{host}:{port}"

    def hold(self) -> None:
        for connection in self._shared.open:
            connection.hold()

    def release(self) -> None:
        for connection in self._shared.open:
            connection.release()

    async def stop(self) -> None:
        """Accept nothing more, and read nothing more. Connections stay open until `close`, so that their last acknowledgements are sent."""
        if self._acceptor:
            self._acceptor.close()
        if self._looks:
            self._looks.cancel()
        self.hold()

    async def close(self) -> None:
        for connection in list(self._shared.open):
            connection.close()

    async def _serve(self, accepted: socket.socket) -> None:
        """Handle one connection until it is lost."""
        connection = Connection(self._shared)
        patience = HANDSHAKE_S if self._asked.tls else None
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: connection, accepted, ssl=self._asked.tls, ssl_handshake_timeout=patience
            )
        except OSError as error:
            return self._say("handshake", f"A sender was disconnected, since its TLS handshake failed: {error}.")
        await connection.lost

    def _look(self) -> None:
        """End connections that were idle for too long, and those of peers that vanished."""
        for connection in list(self._shared.open):
            connection.look()
        every_s = min(self._asked.vanished_s, self._asked.idle_s or self._asked.vanished_s) / LOOKS
        self._looks = asyncio.get_running_loop().call_later(every_s, self._look)
