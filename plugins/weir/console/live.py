"""Live pages by server-sent events: one check for each topic and interval, shared by all listeners.

A topic is a page that can be live: the fleet's, or a job's. It is checked repeatedly while it has listeners. A stream sends the present
state, then changes, and a comment now and then, so that a proxy keeps it open and a listener that has gone is noticed. It ends after
LIFE_S: the browser reconnects, and its login is checked again.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from weir.api.ending import ending

log = logging.getLogger(__name__)

EVERY_S = 2.0  # between two checks; the fleet's are shared with its page and are rarer
BEAT_S = 15.0  # longest silence: proxies close a connection that is silent for a minute
LIFE_S = 300.0  # of a stream
MOST = 100  # listeners of a process, each with its own connection and rendering
BEAT = ": still here\n\n"
RETRY = "retry: 3000\n\n"  # ms until the browser reconnects

Fragments = Mapping[str, str]  # HTML by the id of the element that it goes into
Look = Callable[[], Awaitable[object]]
Render = Callable[[object], Fragments]
Sleep = Callable[[float], Awaitable[None]]


@dataclass
class Topic:
    """A page that can be live, and its last check."""

    listeners: int = 0
    number: int = 0  # of the last check
    seen: object = None  # its result
    rendered: dict[str, Fragments] = field(default_factory=dict)  # the fragments of that result, by request
    news: asyncio.Event = field(default_factory=asyncio.Event)
    looking: asyncio.Task[None] | None = None


class Live:
    """All event streams of a process."""

    def __init__(self, sleep: Sleep = asyncio.sleep, clock: Callable[[], float] = time.monotonic) -> None:
        self._sleep, self._clock = sleep, clock
        self._topics: dict[str, Topic] = {}

    @property
    def full(self) -> bool:
        """Whether the limit of listeners is reached."""
        return sum(topic.listeners for topic in self._topics.values()) >= MOST

    async def listen(self, name: str, look: Look, asked: str, render: Render) -> AsyncIterator[str]:
        """Yield the text of a stream. All listeners of `name` share its checks; listeners with the same `asked` share the rendering."""
        topic = self._topics.setdefault(name, Topic())
        topic.listeners += 1
        if topic.looking is None:
            topic.looking = asyncio.create_task(self._look(topic, look))
        try:
            yield RETRY
            async for told in self._told(topic, asked, render):
                yield told
        finally:
            topic.listeners -= 1
            if not topic.listeners and topic.looking:
                topic.looking.cancel()
                self._topics.pop(name, None)

    async def _told(self, topic: Topic, asked: str, render: Render) -> AsyncIterator[str]:
        begun = spoke = self._clock()
        shown: dict[str, str] = {}
        number = 0
        while True:
            if topic.number > number:
                number = topic.number
                if asked not in topic.rendered:
                    topic.rendered[asked] = render(topic.seen)
                if changed := {place: html for place, html in topic.rendered[asked].items() if shown.get(place) != html}:
                    shown |= changed
                    yield f"data: {json.dumps(changed)}\n\n"
                    spoke = self._clock()
            if number and (self._clock() - begun >= LIFE_S or ending()):
                return
            if self._clock() - spoke >= BEAT_S:
                yield BEAT
                spoke = self._clock()
            await self._news(topic, number, spoke + BEAT_S - self._clock())

    async def _news(self, topic: Topic, number: int, within_s: float) -> None:
        if topic.number > number:
            return
        waits = [asyncio.ensure_future(topic.news.wait()), asyncio.ensure_future(self._sleep(within_s))]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waits:
                one.cancel()

    async def _look(self, topic: Topic, look: Look) -> None:
        while True:
            seen: object
            try:
                seen = await look()
            except Exception as error:  # noqa: BLE001 - any error is shown to the listeners, and the check is repeated
                log.warning("a live page could not be updated: %r", error)
                seen = error
            if seen is not topic.seen:  # else it is the same shared result
                topic.seen, topic.rendered = seen, {}
                topic.number += 1
            topic.news.set()  # also wakes listeners when the server ends
            topic.news = asyncio.Event()
            await self._sleep(EVERY_S)
