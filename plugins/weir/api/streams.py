"""Streams of server-sent events of the standalone service: the landed records of a job, each once for a subscriber."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

from weir.api.ending import ending
from weir.errors import TooMany, WeirError
from weir.ports.source import Follower, Record
from weir.sink_readers.records import Beginning, Place, told

log = logging.getLogger(__name__)

MOST = 50  # streams of a process, each with a thread, a consumer and at most some MiB of records
LIFE_S = 300.0  # of a stream: the subscriber connects again, and its token is checked again
BEAT_S = 15.0  # longest silence: proxies close a connection that is silent for a minute
WAIT_S = 1.0  # for records; so long it takes until a stream notices that it should end
PIECE = 100  # records sent together
BEAT = ": still here\n\n"
RETRY = "retry: 1000\n\n"  # ms until the subscriber connects again


class Streams:
    """All streams of a process."""

    def __init__(self, most: int = MOST, life_s: float = LIFE_S, beat_s: float = BEAT_S) -> None:
        self.open, self._most, self._life_s, self._beat_s = 0, most, life_s, beat_s

    def require_room(self) -> None:
        """Raise TooMany if no more streams may begin."""
        if self.open >= self._most:
            raise TooMany(f"{self.open} streams are open, which is the limit.", "Close others, or run another `weir serve`.", 10)

    async def listen(self, begin: Beginning) -> AsyncIterator[str]:
        """Yield the text of a stream until it is LIFE_S old, the server ends, or the broker fails. The subscriber then connects again."""
        self.open += 1
        # A thread of its own: those that other requests use would all wait for records. It closes the consumer when it is free.
        thread, opened = ThreadPoolExecutor(1, "weir-stream"), list[Follower]()
        try:
            yield RETRY + "".join(_begun(begin))
            await asyncio.get_running_loop().run_in_executor(thread, lambda: opened.append(begin.follow()))
            async for text in self._followed(thread, opened[0], begin.place):
                yield text
        except WeirError as error:
            log.warning("a stream ended: %s", error)
        finally:
            thread.submit(_close, opened)
            thread.shutdown(wait=False)
            self.open -= 1

    async def _followed(self, thread: ThreadPoolExecutor, follower: Follower, place: Place) -> AsyncIterator[str]:
        begun = spoke = time.monotonic()
        while time.monotonic() - begun < self._life_s and not ending():
            records = await asyncio.get_running_loop().run_in_executor(thread, follower.next, PIECE, min(WAIT_S, self._beat_s))
            texts = []
            for record in records:
                place = place.behind(record)
                texts.append(event(place, record))
            if texts or time.monotonic() - spoke >= self._beat_s:
                yield "".join(texts) or BEAT
                spoke = time.monotonic()


def event(place: Place, record: Record) -> str:
    """Return a record as an event. Its id is the place behind it."""
    return f"id: {place}\ndata: {json.dumps(told(record), separators=(',', ':'))}\n\n"


def _close(opened: list[Follower]) -> None:
    for follower in opened:
        follower.close()


def _begun(begin: Beginning) -> Iterator[str]:
    """Yield what a stream begins with. An id without data is no event, but a subscriber that connects again begins there."""
    for lost in begin.lost:
        yield f"event: lost\ndata: {json.dumps(asdict(lost))}\n\n"
    yield f"id: {begin.place}\n\n"
