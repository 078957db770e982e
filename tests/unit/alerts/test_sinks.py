"""Sinks against servers on this machine that fail in each way that servers do."""

from __future__ import annotations

import json
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from weir.alerts import post as posting
from weir.alerts import sinks
from weir.alerts.book import Message
from weir.alerts.outbox import Sent
from weir.alerts.post import post
from weir.alerts.sinks import signature, sink_of
from weir.errors import BadInput

MESSAGE = Message("job-many-1-4-0", "job-many-1", "job", "opened", "warning", "[warning] job: many <web>", "12 error lines & more", 7)


class Server:
    """Answers each connection by a function of what it got; keeps what it got."""

    def __init__(self, answer: Callable[[Server, socket.socket], None]) -> None:
        self.got: list[bytes] = []
        self.over = threading.Event()
        outer = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                answer(outer, self.request)

        class Threaded(socketserver.ThreadingTCPServer):
            daemon_threads = True

        self.tcp = Threaded(("127.0.0.1", 0), Handler)
        self.port = self.tcp.server_address[1]
        threading.Thread(target=self.tcp.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.over.set()
        self.tcp.shutdown()
        self.tcp.server_close()


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    made: list[Server] = []

    def start(answer: Callable[[Server, socket.socket], None]) -> Server:
        made.append(Server(answer))
        return made[-1]

    yield start
    for server in made:
        server.close()


def received(wire: socket.socket) -> bytes:
    """Return what came. Raises ConnectionError at the end: a thread that read on would keep a core busy until the last test."""
    if data := wire.recv(65_536):
        return data
    raise ConnectionError("the sender has gone")


def read_request(wire: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        data += received(wire)
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(next((line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")), b"0"))
    while len(body) < length:
        body += received(wire)
    return head + b"\r\n\r\n" + body


def http(status: str, *headers: str) -> Callable[[Server, socket.socket], None]:
    def answer(server: Server, wire: socket.socket) -> None:
        server.got.append(read_request(wire))
        wire.sendall("\r\n".join([f"HTTP/1.1 {status}", *headers, "Content-Length: 0", "Connection: close", "", ""]).encode())

    return answer


def hangs(server: Server, wire: socket.socket) -> None:
    server.got.append(read_request(wire))
    server.over.wait(30)


def drips(server: Server, wire: socket.socket) -> None:
    """A byte now and then: no single read ever times out."""
    server.got.append(read_request(wire))
    for _ in range(300):
        try:
            wire.sendall(b"H")
        except OSError:
            return
        if server.over.wait(0.1):
            return


def resets(server: Server, wire: socket.socket) -> None:
    server.got.append(read_request(wire))
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")


def connection(kind: str, **fields: Any) -> Any:
    blank = {"host": "127.0.0.1", "port": None, "schema": None, "login": None, "password": None, "extra_dejson": {}}
    return SimpleNamespace(conn_type=kind, **{**blank, **fields})


def webhook(port: int, **extra: Any) -> Any:
    return connection("http", port=port, password="s3cret", extra_dejson={"path": "/hook?a=1", "allow": ["127.0.0.1"], **extra})


def test_a_webhook_is_signed_and_has_keys(serve: Any) -> None:
    server = serve(http("204 No Content"))
    assert sink_of("hook", webhook(server.port)).send(MESSAGE) == Sent()
    head, _, body = server.got[0].partition(b"\r\n\r\n")
    lines = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    assert head.startswith(b"POST /hook?a=1 HTTP/1.1")
    assert lines["X-Weir-Signature"] == "sha256=" + signature("s3cret", lines["X-Weir-Timestamp"], body)
    assert lines["Idempotency-Key"] == MESSAGE.id and abs(int(lines["X-Weir-Timestamp"]) - time.time()) < 60
    told = json.loads(body)
    assert (told["dedup_key"], told["status"], told["title"]) == (MESSAGE.incident, "open", MESSAGE.title)


@pytest.mark.parametrize(
    ("answer", "told", "doubtful", "wait"),
    [
        (http("500 Oops"), "says 500 Oops", False, 0),
        (http("504 Gateway Timeout"), "says 504", True, 0),
        (http("429 Too Many", "Retry-After: 120"), "says 429", False, 120_000),
        (http("503 Busy", "Retry-After: soon"), "says 503", False, 0),
        (http("503 Busy", "Retry-After: 999999999"), "says 503", False, 3_600_000),
        (http("302 Found", "Location: http://169.254.169.254/"), "redirects are not followed", False, 0),
        (hangs, "did not answer", True, 0),
        (drips, "did not answer", True, 0),
        (resets, "did not answer", True, 0),
    ],
    ids=["500", "504", "429", "503", "long", "redirect", "hangs", "drips", "resets"],
)
@pytest.mark.parametrize("kind", ["http", "slackwebhook"])
def test_a_web_server_that_fails(
    kind: str, answer: Any, told: str, doubtful: bool, wait: int, serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sinks, "post", lambda *args: post(*args, budget_s=1.0))
    server = serve(answer)
    slack = connection("slackwebhook", host="http://127.0.0.1", port=server.port, password="T/B/x", extra_dejson={"allow": ["127.0.0.1"]})
    began = time.monotonic()
    sent = sink_of("x", webhook(server.port) if kind == "http" else slack).send(MESSAGE)
    assert told in sent.trouble and (sent.doubtful, sent.retry_after_ms) == (doubtful, wait)
    assert len(server.got) == 1 and time.monotonic() - began < 10


def test_a_web_server_that_is_not_there() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    sent = sink_of("hook", webhook(port)).send(MESSAGE)
    assert "cannot be reached" in sent.trouble and not sent.doubtful


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "192.168.0.9", "::1", "fe80::1", "0.0.0.0", "100.64.0.1"])
def test_no_address_of_ones_own_network_unless_it_is_named(address: str, serve: Any) -> None:
    server = serve(http("200 OK"))
    url = f"http://hooks.example:{server.port}/"
    sent = post(url, b"{}", {}, resolve=lambda host, port: address)
    assert "not a public address" in sent.trouble and server.got == []
    assert post(url, b"{}", {}, allow=["hooks.example"], resolve=lambda host, port: "127.0.0.1") == Sent()
    assert b"Host: hooks.example" in server.got[0]


def test_tls_that_cannot_be_believed_is_refused(serve: Any) -> None:
    server = serve(http("200 OK"))
    sent = sink_of("x", connection("https", port=server.port, extra_dejson={"allow": ["127.0.0.1"]})).send(MESSAGE)
    assert "cannot be reached" in sent.trouble and not sent.doubtful


def test_slack_gets_text_in_which_nothing_is_a_mention(serve: Any) -> None:
    server = serve(http("200 OK"))
    slack = connection("slackwebhook", host="http://127.0.0.1", port=server.port, password="T/B/x", extra_dejson={"allow": ["127.0.0.1"]})
    assert sink_of("x", slack).send(MESSAGE) == Sent()
    head, _, body = server.got[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /T/B/x ")
    assert json.loads(body)["text"] == "*[warning] job: many &lt;web&gt;*\n12 error lines &amp; more\n_job-many-1_"


# mail


def smtp(refuse: bytes = b"", at: bytes = b"", then: Callable[[Server, socket.socket], None] | None = None) -> Any:
    """A mail server that says `refuse` to the command `at`, or does something else then."""

    def answer(server: Server, wire: socket.socket) -> None:
        file = wire.makefile("rb")
        wire.sendall(b"220 here\r\n")
        for line in file:
            command = line.strip().upper()
            if at and command.startswith(at):
                if then:
                    return then(server, wire)
                wire.sendall(refuse + b"\r\n")
            elif command == b"DATA":
                wire.sendall(b"354 go on\r\n")
                text = b""
                for part in file:
                    if part == b".\r\n":
                        break
                    text += part
                server.got.append(text)
                if at == b".":
                    return then(server, wire) if then else wire.sendall(refuse + b"\r\n")
                wire.sendall(b"250 taken\r\n")
            else:
                wire.sendall(b"250 ok\r\n")

    return answer


def waits(server: Server, wire: socket.socket) -> None:
    server.over.wait(30)


def cuts(server: Server, wire: socket.socket) -> None:
    wire.shutdown(socket.SHUT_RDWR)


def mail(port: int) -> Any:
    return connection("smtp", port=port, extra_dejson={"to": "ops@example.org", "disable_ssl": True, "disable_tls": True})


def test_mail_is_one_thread_an_incident(serve: Any) -> None:
    server = serve(smtp())
    assert sink_of("mail", mail(server.port)).send(MESSAGE) == Sent()
    text = server.got[0].decode()
    assert "Subject: [warning] job: many <web>" in text and "12 error lines & more" in text and "To: ops@example.org" in text
    assert "Message-ID: <job-many-1-4-0@weir.invalid>" in text and "References: <job-many-1@weir.invalid>" in text


@pytest.mark.parametrize(
    ("answer", "told", "doubtful"),
    [
        (smtp(b"451 later", b"MAIL"), "says 451 later", False),
        (smtp(b"550 no such user", b"RCPT"), "refuses ops@example.org", False),
        (smtp(b"552 too much", b"."), "says 552", False),
        (smtp(at=b".", then=waits), "cannot be reached", True),
        (smtp(at=b".", then=cuts), "", True),
        (smtp(at=b"MAIL", then=cuts), "", True),
    ],
)
def test_a_mail_server_that_fails(answer: Any, told: str, doubtful: bool, serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sinks, "MAIL_S", 1.0)
    server = serve(answer)
    sent = sink_of("mail", mail(server.port)).send(MESSAGE)
    assert sent.trouble and told in sent.trouble and sent.doubtful is doubtful


def test_a_mail_server_that_is_not_there() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    sent = sink_of("mail", mail(port)).send(MESSAGE)
    assert "cannot be reached" in sent.trouble and not sent.doubtful


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (connection("postgres"), "cannot be a sink"),
        (connection("smtp"), "has no `to`"),
    ],
)
def test_a_connection_that_is_no_sink(made: Any, told: str) -> None:
    with pytest.raises(BadInput, match=told):
        sink_of("x", made)


def test_an_address_that_is_none() -> None:
    with pytest.raises(BadInput, match="no http or https URL"):
        post("ftp://x/", b"", {})
    assert "has no address" in post("http://x.invalid/", b"", {}, resolve=_nowhere).trouble


def _nowhere(host: str, port: int) -> str:
    raise OSError("unknown host")


def test_how_long_a_sink_may_take() -> None:
    from weir.alerts.outbox import LEASE_MS

    assert 1000 * 3 * posting.BUDGET_S < LEASE_MS and 1000 * 5 * sinks.MAIL_S < LEASE_MS
