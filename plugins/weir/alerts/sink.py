"""Where messages go: the protocol of sinks, and the local inbox that every stack has."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Protocol

from weir.alerts.book import Message
from weir.alerts.outbox import Sent
from weir.ports.alerts import AlertStore, Mail


class Sink(Protocol):
    def send(self, message: Message) -> Sent:
        """Send a message within seconds and return the result. If it raises, the message counts as one that may have arrived."""


class Inbox:
    """The inbox in the store; `weir alerts inbox` lists it. Sending a message twice stores it once."""

    def __init__(self, store: AlertStore) -> None:
        self._store = store

    def send(self, message: Message) -> Sent:
        self._store.put_mail(message.job, Mail(message.at, message.id, json.dumps(asdict(message))))
        return Sent()


def message_of(mail: Mail) -> Message:
    return Message(**json.loads(mail.record))
