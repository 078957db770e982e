"""The proxy lets through, drops answers, and cuts."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, suppress

import pytest

from drill.proxy import CUT, DROP_ANSWERS, PASS, Proxy


class Echo:
    """A server that answers what it is sent, and remembers it."""

    def __init__(self) -> None:
        self.got = b""
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            link, _ = self._server.accept()
            threading.Thread(target=self._echo, args=(link,), daemon=True).start()

    def _echo(self, link: socket.socket) -> None:
        while data := link.recv(1024):
            self.got += data
            link.sendall(data)


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
def proxy(echo: Echo) -> Iterator[Proxy]:
    yield Proxy(lambda: echo.port)


def linked(proxy: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=10)


def test_it_passes_both_ways(proxy: Proxy) -> None:
    with closing(linked(proxy)) as link:
        link.sendall(b"hello")
        assert link.recv(5) == b"hello"


def test_a_dropped_answer_does_not_keep_the_request_from_arriving(proxy: Proxy, echo: Echo) -> None:
    with closing(linked(proxy)) as link:
        proxy.mode = DROP_ANSWERS
        link.sendall(b"write")
        link.settimeout(1.0)
        with pytest.raises(TimeoutError):
            link.recv(1)
        assert echo.got == b"write"
        proxy.mode = PASS
        proxy.cut()
        link.settimeout(10)
        with suppress(ConnectionResetError):
            assert link.recv(1) == b""


def test_while_it_cuts_nobody_gets_through(proxy: Proxy, echo: Echo) -> None:
    proxy.mode = CUT
    with closing(linked(proxy)) as link, suppress(ConnectionError):
        link.sendall(b"hello")
        assert link.recv(1) == b""
    assert echo.got == b""


def test_it_cuts_only_those_that_it_is_told_to(proxy: Proxy, echo: Echo) -> None:
    with closing(linked(proxy)) as one, closing(linked(proxy)) as other:
        for link in (one, other):
            link.sendall(b"hello")
            assert link.recv(5) == b"hello"
        mine = one.getsockname()[1]
        proxy.whom = lambda port: port == mine
        proxy.mode = CUT
        proxy.cut()
        with suppress(ConnectionResetError):
            assert one.recv(1) == b""
        other.sendall(b"still")
        assert other.recv(5) == b"still"
    with closing(linked(proxy)) as another:
        another.sendall(b"there")
        assert another.recv(5) == b"there"
