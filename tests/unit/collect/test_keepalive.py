"""What the kernel is told, and what it says, about a peer. tests/collect/test_vanished.py cuts a real cable."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from weir.collect.senders.keepalive import keep_alive, unanswered_s


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as listening, socket.create_connection(listening.getsockname()) as here:
        there, _ = listening.accept()
        with there:
            yield here, there


def test_a_silent_peer_is_asked_so_that_it_is_given_up_in_time(pair: tuple[socket.socket, socket.socket]) -> None:
    here, _ = pair
    keep_alive(here, 120)
    assert here.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    idle, interval, probes = (here.getsockopt(socket.IPPROTO_TCP, getattr(socket, f"TCP_KEEP{name}")) for name in ("IDLE", "INTVL", "CNT"))
    assert (idle, interval, probes) == (60, 10, 6) and idle + interval * probes == 120


def test_a_peer_that_answers_or_reads_nothing_is_there(pair: tuple[socket.socket, socket.socket]) -> None:
    here, _ = pair
    assert unanswered_s(here) == 0
    here.setblocking(False)
    with pytest.raises(BlockingIOError):
        while True:
            here.send(b"x" * 65_536)
    assert unanswered_s(here) < 5


def test_a_connection_that_has_ended_is_not_asked(pair: tuple[socket.socket, socket.socket]) -> None:
    here, _ = pair
    here.close()
    assert unanswered_s(here) == 0
