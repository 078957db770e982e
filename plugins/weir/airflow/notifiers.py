"""Sinks by name: the inbox, and Airflow's connections. A connection with `notifier` in its extra uses that Airflow notifier."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from importlib import import_module
from typing import Any

from airflow.sdk import BaseHook, BaseNotifier
from airflow.sdk.exceptions import AirflowNotFoundException

from weir.alerts.book import Message
from weir.alerts.outbox import Sent
from weir.alerts.sink import Inbox, Sink
from weir.alerts.sinks import sink_of
from weir.errors import BadInput
from weir.ports.alerts import AlertStore

PROVIDERS = "airflow.providers."  # a user who may edit connections must not be able to run arbitrary code


def sinks(store: AlertStore) -> Callable[[str], Sink]:
    """Return a function from a sink's name to the sink. The function raises BadInput for an unknown name."""

    return lambda name: Inbox(store) if name == "inbox" else connected(name)


def connected(name: str) -> Sink:
    """Return the sink of an Airflow connection. Raises BadInput if there is no such connection, or its type cannot be a sink."""
    try:
        connection = BaseHook.get_connection(name)
    except AirflowNotFoundException as error:
        raise BadInput(f"sink: there is no Airflow connection {name!r}.", "Add it, or use inbox.") from error
    notifier = connection.extra_dejson.get("notifier")
    return Notifier(notifier, connection.extra_dejson.get("arguments", {})) if notifier else sink_of(name, connection)


class Notifier:
    """An Airflow notifier, such as Apprise's. The connection's extra has its class (`notifier`) and its `arguments`, in which `{title}`,
    `{text}`, `{incident}` and the other fields of a message are filled in."""

    def __init__(self, path: str, arguments: dict[str, Any]) -> None:
        module, _, name = path.rpartition(".")
        if not path.startswith(PROVIDERS):
            raise BadInput(f"sink: {path} is not a notifier of an Airflow provider.", f"Name a class below {PROVIDERS}")
        try:
            self._kind = getattr(import_module(module), name)
        except (ImportError, AttributeError) as error:
            raise BadInput(f"sink: there is no notifier {path}: {error}.", "Install its provider.") from error
        if not (isinstance(self._kind, type) and issubclass(self._kind, BaseNotifier)):
            raise BadInput(f"sink: {path} is no notifier.", "Name a class that is one.")
        self._arguments = arguments

    def send(self, message: Message) -> Sent:
        fields = asdict(message)
        self._kind(**filled(self._arguments, fields)).notify({})
        return Sent()


def filled(value: Any, fields: dict[str, Any]) -> Any:
    """Replace fields in braces. This is not a template engine: text from log lines must not be executed."""
    if isinstance(value, dict):
        return {name: filled(one, fields) for name, one in value.items()}
    if isinstance(value, list):
        return [filled(one, fields) for one in value]
    if not isinstance(value, str):
        return value
    for name, field in fields.items():
        value = value.replace(f"{{{name}}}", str(field))
    return value
