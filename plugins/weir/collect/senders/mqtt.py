"""Take messages from an MQTT broker with QoS 1: a message is acknowledged once it is on disk."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from paho.mqtt.client import Client, MQTTMessage, MQTTv5, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from weir.collect.counters import Counters, Seldom
from weir.collect.intake import Intake
from weir.collect.spool.block import Block

QOS = 1
AGAIN_S = 5  # at most, from one attempt to connect to the next
SESSION_S = 7 * 24 * 3600  # how long a broker keeps messages for a collector that is away


@dataclass(frozen=True)
class Asked:
    """The broker, and what to subscribe to. `client_id` names the session, in which the broker keeps unacknowledged messages."""

    host: str
    port: int
    filters: tuple[str, ...]
    client_id: str
    key: bytes
    longest: int
    in_flight: int = 1000
    v5: bool = True
    user: str = ""
    password: str = field(default="", repr=False)
    tls: ssl.SSLContext | None = None
    heartbeat_s: int = 60


@dataclass
class _Open:
    """An unacknowledged message: the connection that delivered it last, and whether it is on disk."""

    connection: int
    written: bool = False


class MqttSender:
    """A subscriber. Its client has its own thread, which reconnects; the event loop makes all decisions."""

    def __init__(self, asked: Asked, intake: Intake, counters: Counters, say: Seldom) -> None:
        self._asked, self._intake, self._counters, self._say = asked, intake, counters, say
        self._open: dict[int, _Open] = {}
        self._connection = 0
        self._loop = asyncio.get_running_loop()
        self._client = self._made()

    def _made(self) -> Client:
        asked, version = self._asked, {"protocol": MQTTv5} if self._asked.v5 else {"protocol": MQTTv311, "clean_session": False}
        client = Client(CallbackAPIVersion.VERSION2, asked.client_id, manual_ack=True, **version)
        client.reconnect_delay_set(1, AGAIN_S)
        if asked.user:
            client.username_pw_set(asked.user, asked.password)
        if asked.tls:
            client.tls_set_context(asked.tls)
        client.on_connect, client.on_subscribe, client.on_disconnect = self._on_connect, self._on_subscribe, self._on_disconnect
        client.on_connect_fail, client.on_message = self._on_fail, self._on_message
        return client

    async def start(self) -> str:
        """Begin to connect. If the broker is away, keep trying."""
        asked, more = self._asked, {}
        if asked.v5:
            wanted = Properties(PacketTypes.CONNECT)
            wanted.SessionExpiryInterval, wanted.ReceiveMaximum = SESSION_S, asked.in_flight
            more = {"clean_start": False, "properties": wanted}
        self._client.connect_async(asked.host, asked.port, asked.heartbeat_s, **more)
        self._client.loop_start()
        return f"{', '.join(asked.filters)} of {asked.host}:{asked.port}"

    async def stop(self) -> None:
        """Stop taking messages; acknowledgements are still sent."""
        self._client.on_message = None

    async def close(self) -> None:
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)

    # In the client's thread:

    def _on_connect(self, client: Client, _: object, flags: Any, reason: Any, properties: object) -> None:
        if reason.is_failure:
            return self._tell("refused", f"The broker refuses the connection: {reason}.")
        self._loop.call_soon_threadsafe(self._connected, flags.session_present)
        client.subscribe([(each, QOS) for each in self._asked.filters])

    def _on_subscribe(self, client: Client, _: object, mid: int, reasons: list[Any], properties: object) -> None:
        refused = [str(reason) for reason in reasons if reason.is_failure]
        if refused:
            return self._tell("subscription", f"The broker refuses a subscription ({', '.join(refused)}). Allow this user its topics.")
        self._loop.call_soon_threadsafe(self._subscribed)

    def _on_disconnect(self, client: Client, _: object, flags: object, reason: Any, properties: object) -> None:
        self._loop.call_soon_threadsafe(self._disconnected)
        if reason.is_failure:
            self._tell("lost", f"The connection to the broker was lost ({reason}); connecting again.")

    def _on_fail(self, client: Client, _: object) -> None:
        self._loop.call_soon_threadsafe(self._disconnected)
        self._tell("away", f"The broker at {self._asked.host}:{self._asked.port} cannot be reached; trying again.")

    def _on_message(self, client: Client, _: object, message: MQTTMessage) -> None:
        self._loop.call_soon_threadsafe(self._take, message)

    def _tell(self, kind: str, sentence: str) -> None:
        self._loop.call_soon_threadsafe(self._say, kind, sentence)

    # In the event loop:

    def _connected(self, resumed: bool) -> None:
        self._connection += 1
        self._counters.connections = 1
        if not resumed:
            self._open.clear()  # in a new session the same number is another message

    def _subscribed(self) -> None:
        self._counters.broker_up = 1

    def _disconnected(self) -> None:
        self._counters.connections, self._counters.broker_up = 0, 0

    def _take(self, message: MQTTMessage) -> None:
        """Put a message into the spool, unless it is one that was put before and is not acknowledged yet.

        Until a message is acknowledged, its packet identifier belongs to it alone in this session.
        """
        if message.qos and (known := self._open.get(message.mid)):
            known.connection = self._connection
            return self._acknowledge(message.mid, known) if known.written else None
        self._counters.redelivered += message.dup
        if message.qos:
            self._open[message.mid] = _Open(self._connection)
        if len(message.payload) > self._asked.longest:
            self._counters.refused += 1
            self._say("refused", f"A message of {message.topic} is longer than --longest bytes. It was dropped.")
            return self._written(message)
        self._intake.put(Block.of(self._asked.key, [bytes(message.payload)]), partial(self._written, message))

    def _written(self, message: MQTTMessage) -> None:
        known = self._open.get(message.mid)
        if message.qos and known:
            known.written = True
            if known.connection == self._connection:
                self._acknowledge(message.mid, known)

    def _acknowledge(self, mid: int, known: _Open) -> None:
        self._client.ack(mid, QOS)
        del self._open[mid]
