"""External sinks: a signed webhook, Slack's incoming webhook, and mail. An Airflow connection has the address and the secret."""

from __future__ import annotations

import hashlib
import hmac
import json
import smtplib
import time
from collections.abc import Collection
from dataclasses import asdict, dataclass
from email.message import EmailMessage
from urllib.parse import quote

from weir.alerts.book import Message
from weir.alerts.outbox import Sent
from weir.alerts.post import post
from weir.alerts.sink import Sink
from weir.connection import Connection
from weir.errors import BadInput
from weir.http import context

SLACK = "https://hooks.slack.com/services"
MAIL_S = 10.0


def sink_of(name: str, connection: Connection) -> Sink:
    """Return the sink for a connection. Raises BadInput if its type cannot be a sink, or a field is missing."""
    extra, kind = connection.extra_dejson, connection.conn_type
    allow = tuple(extra.get("allow", ()))
    if kind in ("http", "https"):
        return Webhook(_url(connection), connection.password or "", allow)
    if kind == "slackwebhook":
        return Slack(_slack(connection), allow)
    if kind == "smtp":
        if not extra.get("to"):
            raise BadInput(
                f"Connection {name}: extra has no `to`, so the mail has no recipient.", "Set it to an address, or a list of them."
            )
        to = extra["to"] if isinstance(extra["to"], list) else [extra["to"]]
        return Mail(connection, extra.get("from_email") or connection.login or "weir@localhost", tuple(to))
    raise BadInput(f"Connection {name}: type {kind!r} cannot be a sink.", "Use http, slackwebhook or smtp; or `notifier` in its extra.")


def _url(connection: Connection) -> str:
    """Build the URL as the http provider does: a host with or without the protocol; the path is in the extra."""
    host = connection.host or ""
    base = host if "://" in host else f"{connection.schema or connection.conn_type or 'https'}://{host}"
    where = f"{base}:{connection.port}" if connection.port else base
    return where.rstrip("/") + str(connection.extra_dejson.get("path", "/"))


def _slack(connection: Connection) -> str:
    """Build the URL as the Slack provider does: the password is the token, either a whole URL or the path after the host."""
    token, host = connection.password or "", connection.host or ""
    if token.startswith("https://"):
        return token
    base = f"{connection.schema or 'https'}://{host}" if host and "://" not in host else host or SLACK
    return f"{base.rstrip('/')}{f':{connection.port}' if connection.port else ''}/{token.lstrip('/')}"


@dataclass(frozen=True)
class Webhook:
    """JSON with a signature: HMAC-SHA256 with the connection's password, over the time, a dot and the body.

    `dedup_key` is the same for all messages of an incident, and `Idempotency-Key` that of the message.
    """

    url: str
    secret: str
    allow: Collection[str] = ()

    def send(self, message: Message) -> Sent:
        status = "resolved" if message.kind == "resolved" else "open"
        body = json.dumps({**asdict(message), "dedup_key": message.incident, "status": status}, sort_keys=True).encode()
        at = str(int(time.time()))
        headers = {"Content-Type": "application/json", "User-Agent": "weir", "Idempotency-Key": message.id, "X-Weir-Timestamp": at}
        if self.secret:
            headers["X-Weir-Signature"] = f"sha256={signature(self.secret, at, body)}"
        return post(self.url, body, headers, self.allow)


def signature(secret: str, at: str, body: bytes) -> str:
    return hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()


@dataclass(frozen=True)
class Slack:
    """Slack has no idempotency keys: a message that may be a repeat says so in its text."""

    url: str
    allow: Collection[str] = ()

    def send(self, message: Message) -> Sent:
        text = f"*{_escaped(message.title)}*\n{_escaped(message.text)}\n_{_escaped(message.incident)}_"
        return post(self.url, json.dumps({"text": text}).encode(), {"Content-Type": "application/json"}, self.allow)


def _escaped(text: str) -> str:
    """Escape what Slack would take for a mention or a link."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


@dataclass(frozen=True)
class Mail:
    """Mail by SMTP, one thread for each incident. Uses the connection's fields as the SMTP provider does."""

    connection: Connection
    sender: str
    to: Collection[str]

    def send(self, message: Message) -> Sent:
        server: smtplib.SMTP | None = None
        try:
            server = self._server()
            server.send_message(self._mail(message))
        except smtplib.SMTPResponseException as error:
            return Sent(f"{self.connection.host} says {error.smtp_code} {_text(error.smtp_error)}")
        except smtplib.SMTPRecipientsRefused as error:
            return Sent(f"{self.connection.host} refuses {', '.join(error.recipients)}")
        except (OSError, smtplib.SMTPException) as error:
            return Sent(f"{self.connection.host} cannot be reached: {error}", doubtful=server is not None)
        finally:
            if server is not None:
                server.close()  # without QUIT: its answer would change nothing
        return Sent()

    def _server(self) -> smtplib.SMTP:
        extra, host = self.connection.extra_dejson, self.connection.host or "localhost"
        if not extra.get("disable_ssl", False):
            server: smtplib.SMTP = smtplib.SMTP_SSL(host, self.connection.port or 465, timeout=MAIL_S, context=context())
        else:
            server = smtplib.SMTP(host, self.connection.port or 587, timeout=MAIL_S)
            if not extra.get("disable_tls", False):
                server.starttls(context=context())
        if self.connection.login:
            server.login(self.connection.login, self.connection.password or "")
        return server

    def _mail(self, message: Message) -> EmailMessage:
        mail = EmailMessage()
        mail["Subject"], mail["From"], mail["To"] = message.title, self.sender, ", ".join(self.to)
        mail["Message-ID"], mail["References"] = _mail_id(message.id), _mail_id(message.incident)
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(message.text)
        return mail


def _mail_id(name: str) -> str:
    return f"<{quote(name)}@weir.invalid>"


def _text(said: bytes | str) -> str:
    return said.decode(errors="replace") if isinstance(said, bytes) else said
