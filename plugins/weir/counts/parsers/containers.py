"""Take off what stands around a line."""

from __future__ import annotations

import re
from collections.abc import Callable

from spark_jobs.formats.spec.fields import COMPOSE, CRI, SYSLOG, SYSLOG_5424
from weir.counts.parsers import syslog
from weir.counts.parsers.members import lookup, object_at_start, text_of
from weir.counts.parsers.pattern import MARK

Container = Callable[[bytes], bytes | None]  # the text inside; None if it does not fit
CRI_HEAD = re.compile(rb"[^ ]{1,64}+ (?:stdout|stderr) [FP][^ ]*+ ")
COMPOSE_HEAD = re.compile(rb"[^ |]{1,255}+ *+\| ?")


def container(name: str) -> Container:
    """Return the function that takes off a container of the spec."""
    if name.startswith("json:"):
        return lambda text: _member(text, name.removeprefix("json:"))
    return OTHERS[name]


def _member(text: bytes, name: str) -> bytes | None:
    found = object_at_start(text.decode())
    inside = None if found is None else text_of(lookup(found, name))
    return None if inside is None else inside.removesuffix("\n").encode()


def _after(head: re.Pattern[bytes]) -> Container:
    def inside(text: bytes) -> bytes | None:
        match = None if text.startswith(MARK) else head.match(text)
        return text[match.end() :] if match else None

    return inside


def _message(take_apart: Callable[[bytes], syslog.Text | None]) -> Container:
    def inside(text: bytes) -> bytes | None:
        found = None if text.startswith(MARK) else take_apart(text)
        return found.message if found is not None else None

    return inside


OTHERS: dict[str, Container] = {
    CRI: _after(CRI_HEAD),
    COMPOSE: _after(COMPOSE_HEAD),
    SYSLOG: _message(syslog.classic),
    SYSLOG_5424: _message(syslog.modern),
}
