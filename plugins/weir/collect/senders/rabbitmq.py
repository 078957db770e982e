"""Take messages from a queue of RabbitMQ: a message is acknowledged once it is on disk."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pika
from pika.adapters.asyncio_connection import AsyncioConnection

from weir.collect.counters import Counters, Seldom
from weir.collect.intake import Intake
from weir.collect.spool.block import Block

AGAIN_S = 2.0  # from one attempt to connect to the next
CLOSING_S = 5.0


@dataclass(frozen=True)
class Asked:
    """The broker and the queue, which must exist. At most `prefetch` messages are unacknowledged at a time."""

    host: str
    port: int
    queue: str
    key: bytes
    longest: int
    prefetch: int = 1000
    vhost: str = "/"
    user: str = "guest"
    password: str = field(default="guest", repr=False)
    tls: ssl.SSLContext | None = None
    heartbeat_s: int = 60


class RabbitSender:
    """A consumer. After any error it connects again; the broker then delivers unacknowledged messages again."""

    def __init__(self, asked: Asked, intake: Intake, counters: Counters, say: Seldom) -> None:
        self._asked, self._intake, self._counters, self._say = asked, intake, counters, say
        self._connection: AsyncioConnection | None = None
        self._channel: Any = None
        self._tag = 0  # of the last message that is on disk and not acknowledged
        self._stopping = False
        self._again: asyncio.TimerHandle | None = None

    async def start(self) -> str:
        """Begin to connect. If the broker is away, keep trying."""
        self._connect()
        return f"the queue {self._asked.queue} of {self._asked.host}:{self._asked.port}"

    async def stop(self) -> None:
        """Stop taking messages; acknowledgements are still sent."""
        self._stopping = True
        if self._again:
            self._again.cancel()

    async def close(self) -> None:
        self._acknowledge()
        if self._connection and self._connection.is_open:
            self._connection.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSING_S):
                while self._connection and not self._connection.is_closed:  # acknowledgements are on their way
                    await asyncio.sleep(0.01)

    def _connect(self) -> None:
        asked = self._asked
        parameters = pika.ConnectionParameters(
            asked.host, asked.port, asked.vhost, pika.PlainCredentials(asked.user, asked.password),
            ssl_options=pika.SSLOptions(asked.tls, asked.host) if asked.tls else None, heartbeat=asked.heartbeat_s,
        )  # fmt: skip
        self._connection = AsyncioConnection(parameters, self._opened, self._failed, self._failed, custom_ioloop=asyncio.get_running_loop())

    def _failed(self, connection: AsyncioConnection, error: BaseException) -> None:
        """Try again in a moment: the connection could not be made, or has ended."""
        self._channel, self._counters.connections, self._counters.broker_up = None, 0, 0
        if not self._stopping:
            self._say("away", f"No connection to RabbitMQ at {self._asked.host}:{self._asked.port}: {error!r}. Trying again.")
            self._again = asyncio.get_running_loop().call_later(AGAIN_S, self._connect)

    def _opened(self, connection: AsyncioConnection) -> None:
        self._counters.connections = 1
        connection.channel(on_open_callback=self._begin)

    def _begin(self, channel: Any) -> None:
        self._channel, self._tag = channel, 0
        channel.add_on_close_callback(self._ended)
        channel.add_on_cancel_callback(lambda _: channel.close())  # the queue was deleted
        channel.basic_qos(prefetch_count=self._asked.prefetch, callback=partial(self._consume, channel))

    def _consume(self, channel: Any, _: object) -> None:
        channel.basic_consume(self._asked.queue, self._take, callback=self._consuming)

    def _consuming(self, _: object) -> None:
        self._counters.broker_up = 1

    def _ended(self, channel: Any, error: BaseException) -> None:
        """Close the connection when the broker closes the channel, such as for a missing queue. `_failed` then connects again."""
        if self._stopping or channel is not self._channel or not self._connection or not self._connection.is_open:
            return
        self._say("channel", f"RabbitMQ ended the consumer of {self._asked.queue}: {error}.")
        self._connection.close()

    def _take(self, channel: Any, delivery: Any, properties: object, body: bytes) -> None:
        if self._stopping:
            return  # not acknowledged, so that the broker delivers it again
        self._counters.redelivered += delivery.redelivered
        if len(body) > self._asked.longest:
            self._counters.refused += 1
            self._say("refused", "A message longer than --longest bytes was rejected: it goes to the queue's dead-letter exchange, if any.")
            channel.basic_reject(delivery.delivery_tag, requeue=False)
            return
        self._intake.put(Block.of(self._asked.key, [body]), partial(self._written, channel, delivery.delivery_tag))

    def _written(self, channel: Any, tag: int) -> None:
        """Note that a message is on disk. Ignore tags of an earlier channel: on this one they would acknowledge other messages."""
        if channel is not self._channel:
            return
        if not self._tag:
            asyncio.get_running_loop().call_soon(self._acknowledge)  # once for a group
        self._tag = tag

    def _acknowledge(self) -> None:
        if self._tag and self._channel and self._channel.is_open:
            self._channel.basic_ack(self._tag, multiple=True)
        self._tag = 0
