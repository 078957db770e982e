"""What is on a page, as it changes: one look a topic and interval, for however many listen, as server-sent events.

A topic is a page that can be followed: the fleet's, or a job's. While somebody listens to it, it is looked at again and again; when the
last one has gone, it is not. A stream says at once what there is, then what has changed, and a word now and then so that a proxy keeps it
open and a listener that has gone is noticed. It ends by itself after a while: the browser asks again, and is asked for its login again.
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field

log = logging.getLogger(__name__)

EVERY_S = 2.0  # between the end of a look and the next one; those at the fleet are shared with its page, and are rarer
BEAT_S = 15.0  # of silence at most: proxies close what is silent for a minute
LIFE_S = 300.0
MOST = 100  # listeners of a process, each with a connection and a rendering of its own
BEAT = ": still here\n\n"
RETRY = "retry: 3000\n\n"  # ms until the browser asks again

Fragments = Mapping[str, str]  # HTML by the id of the element that it goes into
Look = Callable[[], Awaitable[object]]
Render = Callable[[object], Fragments]
Sleep = Callable[[float], Awaitable[None]]


@dataclass
class Topic:
    """`seen` is what the look `number` found; `rendered` what was made of it, by what was asked for."""

    listeners: int = 0
    number: int = 0
    seen: object = None
    rendered: dict[str, Fragments] = field(default_factory=dict)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    looking: asyncio.Task[None] | None = None


class Live:
    """The streams of a process."""

    def __init__(self, sleep: Sleep = asyncio.sleep, clock: Callable[[], float] = time.monotonic) -> None:
        self._sleep, self._clock = sleep, clock
        self._topics: dict[str, Topic] = {}

    @property
    def full(self) -> bool:
        """Are there as many listeners as there may be?"""
        return sum(topic.listeners for topic in self._topics.values()) >= MOST

    async def listen(self, name: str, look: Look, asked: str, render: Render) -> AsyncIterator[str]:
        """The text of a stream. All who listen to `name` share its looks, and all who `asked` for the same share what is rendered."""
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
            except Exception as error:  # noqa: BLE001 - whatever it is, those who listen are told, and it is looked at again
                log.warning("what is followed could not be looked at: %r", error)
                seen = error
            if seen is not topic.seen:  # else it is a look that was kept for all who ask within a moment
                topic.seen, topic.rendered = seen, {}
                topic.number += 1
            topic.news.set()  # also wakes those who have to see that the server ends
            topic.news = asyncio.Event()
            await self._sleep(EVERY_S)


def ending() -> bool:
    """Has the server been told to end? uvicorn waits for open streams, two minutes as Airflow starts it, and tells the app of it only after
    that. It is the handler of the signal."""
    server = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    return bool(getattr(server, "should_exit", False))
