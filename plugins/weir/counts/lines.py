"""Read lines for the recount, each by the format and the zone of its service."""

from __future__ import annotations

from collections.abc import Callable

from spark_jobs.formats.spec import described
from weir.counts.parsers.line import Judge, judge
from weir.counts.parsers.service import LONGEST, keys_of, of_key
from weir.counts.rules import Rules
from weir.errors import BadInput

Line = tuple[int, str, str | None]  # event time (ms), level, and the service that the line names itself; None: that of its key
Read = Callable[[bytes | None, bytes | None, int], Line | str]  # key, value, append time (ms); a reason if the line does not count
Parse = Callable[[bytes | None, int], tuple[int, str] | str]


def reader(rules: Rules) -> Read:
    """Return a function from a record to what its line counts as, or to the reason for which it does not."""
    usual = _judge(rules, "")
    own = {key: _judge(rules, name) for name in rules.services for key in keys_of(name)}
    known: dict[bytes | None, Judge] = {}  # by key, of which a stream has few

    def read(key: bytes | None, value: bytes | None, append_ms: int) -> Line | str:
        by = known.get(key) if own else usual
        if by is None:
            by = known[key] = own.get((key or b"")[:LONGEST], usual)
        found = by(value, append_ms)
        if isinstance(found, str):
            return found
        level, moment, service = found
        assert moment is not None and level is not None
        return moment, level, service

    return read


def parser(rules: Rules, service: str = "") -> Parse:
    """Return the same for lines of one service: event time (ms) and level, or the reason."""
    read, key = reader(rules), service.encode() or None

    def parse(value: bytes | None, append_ms: int) -> tuple[int, str] | str:
        found = read(key, value, append_ms)
        return found if isinstance(found, str) else found[:2]

    return parse


def service_of(key: bytes | None) -> str:
    """Return the service in a record's key."""
    return of_key(key)


def _judge(rules: Rules, service: str) -> Judge:
    """Return the judgement on the lines of a service; of one that the spec does not name, empty, that of all others."""
    named = rules.format_of(service)
    try:
        form = described(named)
    except ValueError as error:  # of another release
        raise BadInput(f"line_format: {named} cannot be recounted: {error}.", "Recount with the release that deployed it.") from error
    return judge(form, rules.zone_of(service), rules.future_skew)


__all__ = ["LONGEST", "Line", "Parse", "parser", "reader", "service_of"]
