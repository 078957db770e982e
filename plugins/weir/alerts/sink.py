"""Where messages go: one protocol, and the local inbox that every stack has."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Protocol

from weir.alerts.book import Message
from weir.alerts.outbox import Sent
from weir.ports.alerts import Mail
from weir.ports.jobs import JobStore


class Sink(Protocol):
    def send(self, message: Message) -> Sent:
        """Send a message, within seconds. What became of it is returned; an error that is raised counts as one that may have arrived."""


class Inbox:
    """The store's own: `weir alerts inbox` lists it. A message that is put there again is there once."""

    def __init__(self, store: JobStore) -> None:
        self._store = store

    def send(self, message: Message) -> Sent:
        self._store.put_mail(message.job, Mail(message.at, message.id, json.dumps(asdict(message))))
        return Sent()


def message_of(mail: Mail) -> Message:
    return Message(**json.loads(mail.record))
