"""List the ways to cut a stream, and choose one by the stream's first byte. Pure."""

from __future__ import annotations

from collections.abc import Callable

from weir.collect.senders.framer import LONGEST, Framer
from weir.collect.senders.lines import Lines
from weir.collect.senders.octets import Octets
from weir.collect.spool.block import Block


class Either:
    """Octet counting if the first byte is a digit, lines otherwise: RFC 6587 allows a receiver to distinguish them so."""

    def __init__(self, key: bytes, longest: int = LONGEST) -> None:
        self._make: Callable[[type[Lines] | type[Octets]], Framer] = lambda kind: kind(key, longest)
        self._chosen: Framer | None = None

    @property
    def refused(self) -> int:
        return self._chosen.refused if self._chosen else 0

    @property
    def unfinished(self) -> bytes:
        return self._chosen.unfinished if self._chosen else b""

    def feed(self, data: bytes) -> Block | None:
        if self._chosen is None:
            self._chosen = self._make(Octets if data[:1].isdigit() else Lines)
        return self._chosen.feed(data)


FRAMINGS: dict[str, Callable[[bytes, int], Framer]] = {"lines": Lines, "octets": Octets, "auto": Either}
