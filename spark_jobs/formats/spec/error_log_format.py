r"""Apache httpd's ErrorLogFormat, such as `[%{cu}t] [%-m:%l] [pid %P:tid %T] [client\ %a] %M`, as the parts of a pattern.

httpd separates fields by blanks, and leaves out a field with its blank if an item of it has nothing to say. A field after time and level
that begins with a literal may be missing; one that does not, such as `%E:`, cannot be told from the message, and is part of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from spark_jobs.formats.spec import times
from spark_jobs.formats.spec.pattern import LEVEL, LONGEST, MESSAGE, TIME, Field, Literal, Maybe, Part, checked, joined

TOKEN = re.compile(r"% |%%|%[-+]?[0-9]*(?:\{([^}]*)\})?([A-Za-z])|\\(.)|([^%\\ ]+)| |.", re.DOTALL)
ITEMS = "aAeEFkLlmMPTtvVinc"  # of httpd 2.4
SPECIAL = {"t": TIME, "l": LEVEL, "M": MESSAGE}
Plain = Literal | Field
CLASSIC, MICROSECONDS = "%a %b %e %H:%M:%S %Y", "%a %b %e %H:%M:%S.%f %Y"


def parsed(text: str) -> tuple[tuple[Part, ...], times.TimeFormat]:
    """Return the parts and the time format of an ErrorLogFormat. Raises ValueError that says what is wrong with it."""
    if len(text) > LONGEST:
        raise ValueError(f"must have at most {LONGEST} characters")
    found: list[Part] = []
    fields, option = list(_closed(_fields(text))), ""
    needed = {part.name for field, _ in fields for part in field if part in (Field(TIME), Field(LEVEL))}
    if TIME not in needed:
        raise ValueError("has no %t")
    for field, arguments in fields:
        names = {part.name for part in field if isinstance(part, Field)}
        option = arguments.get("t", option)
        if MESSAGE in names:
            break
        if needed:
            found += field
        elif isinstance(field[0], Literal):
            found.append(Maybe(tuple(joined(field))))
        needed -= names
    if needed or Field(MESSAGE) not in [part for field, _ in fields for part in field]:
        raise ValueError("needs %M, the message, in a field of its own after %t and %l")
    return checked((*joined(found), Field(MESSAGE))), _time_format(option)


def _time_format(option: str) -> times.TimeFormat:
    if set(option) - set("cuz"):
        raise ValueError(f"%{{{option}}}t is not one of %t, %{{u}}t, %{{c}}t, %{{cu}}t, each also with z")
    if "c" in option:
        return times.parsed(times.ISO)
    return times.parsed((MICROSECONDS if "u" in option else CLASSIC) + (" %z" if "z" in option else ""))


def _closed(fields: Iterator[tuple[list[Plain], dict[str, str]]]) -> Iterator[tuple[list[Plain], dict[str, str]]]:
    """Yield the fields, those from a bracket to where it closes as one: `[pid %P:tid %T]` has three."""
    joined: list[Plain] = []
    arguments: dict[str, str] = {}
    for field, own in fields:
        joined, arguments = [*joined, *field], {**arguments, **own}
        text = "".join(part.text for part in joined if isinstance(part, Literal))
        if text.count("[") <= text.count("]"):
            yield joined, arguments
            joined, arguments = [], {}
    if joined:
        yield joined, arguments


def _fields(text: str) -> Iterator[tuple[list[Plain], dict[str, str]]]:
    """Yield each field with the blank after it, and the arguments of its items."""
    field: list[Plain] = []
    arguments: dict[str, str] = {}
    for token in TOKEN.finditer(text):
        argument, item, escaped, literal = token.groups()
        if token[0] in (" ", "% "):
            field += [Literal(" ")] if token[0] == " " else []
            if field:
                yield field, arguments
            field, arguments = [], {}
        elif item:
            if item not in ITEMS:
                raise ValueError(f"{token[0]} is not an item of ErrorLogFormat")
            field.append(Field(SPECIAL.get(item, item)))
            arguments[item] = argument or ""
        elif token[0] == "%%" or escaped or literal:
            field.append(Literal("%" if token[0] == "%%" else escaped or literal))
        else:
            raise ValueError(f"{token[0]!r} at character {token.start() + 1} begins no item of ErrorLogFormat")
    if field:
        yield field, arguments
