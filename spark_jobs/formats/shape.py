"""The regular expressions of formats that are text: of a pattern, of syslog, of a time. Pure.

They match from left to right and never go back: what varies ends at the first place of what follows, as an atomic group. So they take
linear time, and Java needs no stack for long lines. What is read has a named group; a name that ends with x is an alternative of another.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from spark_jobs.formats.spec import LineFormat
from spark_jobs.formats.spec.fields import SYSLOG, SYSLOG_5424
from spark_jobs.formats.spec.pattern import LEVEL, MESSAGE, SERVICE, TIME, Field, Literal, Maybe, Part
from spark_jobs.formats.spec.times import ISO, TimeFormat

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
HOURS = "[+-][0-9]{2}(?::?[0-9]{2})?+"
FRACTION = "(?<fraction>[0-9]{1,9}+)"
DIRECTIVES = {
    "Y": "(?<year>[0-9]{4})",
    "y": "(?<shortyear>[0-9]{2})",
    "m": "(?<month>[0-9]{2})",
    "b": f"(?<monthname>{'|'.join(MONTHS)})",
    "d": "(?<day>[0-9]{2})",
    "e": "(?<day>[0-9 ][0-9])",
    "a": "[A-Za-z]{3}",
    "H": "(?<hour>[0-9]{2})",
    "M": "(?<minute>[0-9]{2})",
    "S": "(?<second>[0-9]{2})",
    "f": FRACTION,
    "z": f"(?<offset>Z|{HOURS})",
    "s": "(?<epoch>[0-9]{1,11}+)",
}
DATE = f"{DIRECTIVES['Y']}-{DIRECTIVES['m']}-{DIRECTIVES['d']}[T ]{DIRECTIVES['H']}:{DIRECTIVES['M']}:{DIRECTIVES['S']}"
ISO_8601 = rf"{DATE}(?:[.,]{FRACTION})?+(?:(?<offset>Z)| ?(?<offsetx>{HOURS}))?+"
OLD = f"(?<monthname>{'|'.join(MONTHS)}) (?<dayx>[0-9 ][0-9]) (?<hourx>[0-9]{{2}}):(?<minutex>[0-9]{{2}}):(?<secondx>[0-9]{{2}})"
PRIORITY = "<(?<priority>[0-9]{1,3}+)>"
WORD = "[^ ]{1,255}+ "
TAG = r"(?:[^ :\[\]]{1,64}+(?>\[.*?\])?+: ?+)?+"
STRUCTURED = r"(?>-|\[.*?(?<!\\)\](?= |\z))"
SHAPES = {
    SYSLOG: f"(?:{PRIORITY})?+(?:{OLD}|{ISO_8601}) {WORD}{TAG}(?<message>.*+)",
    SYSLOG_5424: rf"{PRIORITY}[0-9]{{1,3}}+ (?:{ISO_8601}|-) (?:{WORD}){{4}}{STRUCTURED}(?: (?<message>.*+))?+",
}
CRI = r"[^ ]{1,64}+ (?:stdout|stderr) [FP][^ ]*+ (?<message>.*+)"
COMPOSE = r"[^ |]{1,255}+ *+\| ?+(?<message>.*+)"


def of_format(line_format: LineFormat) -> str:
    """Return the expression of a whole text of this format, which is none of JSON."""
    return SHAPES.get(line_format.name) or "".join(_of_parts(line_format.parts, line_format.time_format, first=True))


def of_time(time_format: TimeFormat) -> str:
    """Return the expression of a time."""
    if time_format.name == ISO:
        return ISO_8601
    return "".join(DIRECTIVES[one.name] if isinstance(one, Field) else re.escape(one.text) for one in time_format.elements)


def reading(shape: str, *names: str) -> str:
    """Return the expression with only these groups to read."""
    return re.sub(r"\(\?<([a-z]+)>", lambda found: found[0] if found[1] in names else "(?:", shape)


def groups(shape: str) -> dict[str, list[str]]:
    """Return the names of what is read, each with its groups."""
    names = re.findall(r"\(\?<([a-z]+)>", shape)
    return {name: [one for one in (name, f"{name}x") if one in names] for name in dict.fromkeys(each.rstrip("x") for each in names)}


def _of_parts(parts: Sequence[Part], time_format: TimeFormat, first: bool) -> Iterator[str]:
    """Yield the expressions of parts. A field takes the literal after it."""
    if isinstance(parts[0], Literal):
        yield re.escape(parts[0].text)
    for part, after in pairwise((*parts, None)):
        skipped = "" if first and part is parts[0] else " *+"
        if isinstance(part, Field):
            yield _field(part.name, skipped, re.escape(after.text) if isinstance(after, Literal) else "", time_format)
        elif isinstance(part, Maybe):
            yield f"(?:{''.join(_of_parts(part.parts, time_format, first=False))})?+"
            yield re.escape(after.text) if isinstance(after, Literal) else ""


def _field(name: str, skipped: str, end: str, time_format: TimeFormat) -> str:
    if name == MESSAGE:
        return "(?<message>.*+)"
    if name == TIME:
        return f"{skipped}{of_time(time_format)}{end}"
    if name == LEVEL:
        return f"{skipped}(?<level>[0-9A-Za-z]{{1,16}}+)(?> *?{end})"
    if name == SERVICE:
        return f"(?>{skipped}(?<service>[^\\x01]*?){end})"
    return f"(?>{skipped}.*?{end})"
