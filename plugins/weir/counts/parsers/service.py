"""The service of a line: the key of its record, or what the line itself says."""

from __future__ import annotations

from spark_jobs.counts.cells import UNKNOWN_SERVICE

LONGEST = 256  # bytes


def of_key(key: bytes | None) -> str:
    """Return the service in a record's key."""
    return _cut(key) if key else UNKNOWN_SERVICE


def keys_of(name: str) -> tuple[bytes, ...]:
    """Return the beginnings of keys that belong to the service of that name in a spec. Bytes decide: a key may be no text."""
    return (name.encode(), b"") if name == UNKNOWN_SERVICE else (name.encode(),)


def named(text: bytes) -> str | None:
    """Return the service that a line names; None if it names none."""
    service = text.strip(b" ")
    return _cut(service) if service else None


def _cut(name: bytes) -> str:
    return name[:LONGEST].decode(errors="replace")
