"""Accept connections up to a limit. Further ones are closed at once, before memory or a TLS handshake is spent on them."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import Callable, Coroutine, Sequence

from weir.collect.counters import Counters, Seldom

BACKLOG = 1024  # connections that the kernel keeps until they are accepted
AT_ONCE = 128  # connections, before others get their turn
AGAIN_S = 1.0  # until the next attempt, after the system refused
EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
Serve = Callable[[socket.socket], Coroutine[None, None, None]]


def listening(host: str, port: int) -> list[socket.socket]:
    """Return a socket for each address of the host. Raises OSError."""
    found = dict.fromkeys(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE))
    with contextlib.ExitStack() as failed:
        made = [failed.enter_context(socket.create_server(at, family=family, backlog=BACKLOG)) for family, _, _, _, at in found]
        failed.pop_all()
    return made


class Acceptor:
    """Gives each connection to `serve`, as a task that lasts as long as the connection. So a TLS handshake counts as a connection, too."""

    def __init__(self, sockets: Sequence[socket.socket], most: int, serve: Serve, counters: Counters, say: Seldom) -> None:
        self._sockets, self._most, self._serve = sockets, most, serve
        self._counters, self._say = counters, say
        self._served: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        for each in sockets:
            each.setblocking(False)
            self._watch(each)

    def close(self) -> None:
        """Accept nothing more. Connections that are served stay."""
        for each in self._sockets:
            self._loop.remove_reader(each)
            each.close()

    def _watch(self, found: socket.socket) -> None:
        if found.fileno() >= 0:
            self._loop.add_reader(found, self._accept, found)

    def _accept(self, found: socket.socket) -> None:
        for _ in range(AT_ONCE):
            try:
                accepted, peer = found.accept()
            except OSError as error:  # usually: no connection is left to accept
                return self._pause(found, error) if error.errno in EXHAUSTED else None
            if len(self._served) >= self._most:
                accepted.close()
                self._turned_away(f"{peer[0]}:{peer[1]}")
                continue
            task = self._loop.create_task(self._serve(accepted))
            self._served.add(task)
            task.add_done_callback(self._served.discard)

    def _turned_away(self, peer: str) -> None:
        self._counters.turned_away += 1
        self._say("many", f"{peer} was turned away: {self._most} connections are open, the most that are allowed. Raise --connections.")

    def _pause(self, found: socket.socket, error: OSError) -> None:
        """Wait a moment: the socket stays readable, and the loop would do nothing else."""
        self._say("exhausted", f"The system allows no further connection ({error.strerror}); trying again. Raise its limits.")
        self._loop.remove_reader(found)
        self._loop.call_later(AGAIN_S, self._watch, found)
