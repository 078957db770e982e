"""Write rows in the text format of PostgreSQL's COPY (https://www.postgresql.org/docs/current/sql-copy.html). Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from typing import Any

NULL = "\\N"
ESCAPED = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


class NulCharacter(ValueError):
    """A text has the character NUL, which PostgreSQL cannot store."""


def lines(rows: Iterable[Sequence[Any]], names: Sequence[str], refuse: Callable[[str], Exception]) -> Iterator[bytes]:
    """Yield a line for each row. For a value that cannot be stored, raise what `refuse` returns for a message that names the column."""
    for row in rows:
        try:
            yield ("\t".join([NULL if value is None else field(value) for value in row]) + "\n").encode()
        except (NulCharacter, UnicodeEncodeError):
            name = next(name for name, value in zip(names, row, strict=True) if _spoiled(value))
            raise refuse(f"the column {name} has a text with the character NUL, or half of a surrogate pair") from None


def field(value: Any) -> str:
    """Return a value that is not null, escaped. Raises NulCharacter, TypeError."""
    return text(value).translate(ESCAPED)


def text(value: Any) -> str:
    """Return a value as PostgreSQL reads it. Raises NulCharacter, TypeError."""
    if isinstance(value, str):
        if "\0" in value:
            raise NulCharacter
        return value
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, bytes | bytearray):
        return f"\\x{value.hex()}"
    if isinstance(value, date):  # a datetime is one, too
        return value.isoformat()
    if isinstance(value, list):
        return "{" + ",".join("NULL" if one is None else _element(one) for one in value) + "}"
    return str(value)


def _element(value: Any) -> str:
    if isinstance(value, list):
        return text(value)
    quoted = text(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}"'


def _spoiled(value: Any) -> bool:
    try:
        field(value).encode()
    except (NulCharacter, UnicodeEncodeError):
        return True
    return False


class Stream:
    """A file-like object that is read in pieces, over an iterator of lines."""

    def __init__(self, source: Iterator[bytes]) -> None:
        self._source, self._rest = source, b""
        self.error: Exception | None = None  # the exception that `read` raised: psycopg2 keeps only its text

    def read(self, size: int = -1) -> bytes:
        parts, have = [self._rest], len(self._rest)
        try:
            while size < 0 or have < size:
                line = next(self._source, b"")
                if not line:
                    break
                parts.append(line)
                have += len(line)
        except Exception as error:
            self.error = error
            raise
        found = b"".join(parts)
        self._rest = found[size:] if size >= 0 else b""
        return found[:size] if size >= 0 else found
