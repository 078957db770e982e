"""Which texts continue the line before."""

from __future__ import annotations

import re
from collections.abc import Callable

from spark_jobs.formats.spec import LineFormat
from spark_jobs.formats.spec.continuations import BRACKETS, EXCEPTIONS, LONGEST_BRACKETS, LONGEST_EXCEPTION, OPENINGS
from weir.counts.parsers.found import Indented

NUMBERED = re.compile(rb"#[0-9]")
NAME = re.compile(rb"[0-9A-Za-z_.$]+")
ENDINGS = tuple(one.encode() for one in EXCEPTIONS)


def continuation(form: LineFormat, indented: Indented) -> Callable[[bytes], bool]:
    """Return whether a text that is not of the format continues the line before it."""
    openings = tuple(one.encode() for one in (*OPENINGS, *form.openings))

    def judge(text: bytes) -> bool:
        if text[:1] in (b" ", b"\t"):
            return not indented(text.lstrip(b" \t")) or text.startswith(openings)
        return bool(text.startswith(openings) or NUMBERED.match(text)) or _exception(text) or _brackets(text)

    return judge if form.continuations else lambda text: False


def _exception(text: bytes) -> bool:
    match = NAME.match(text)
    if match is None or not 2 <= len(match[0]) <= LONGEST_EXCEPTION:
        return False
    ends = any(match[0].endswith(one) and len(match[0]) > len(one) for one in ENDINGS)
    return ends and text[match.end() : match.end() + 1] in (b"", b":")


def _brackets(text: bytes) -> bool:
    return 1 <= len(text) <= LONGEST_BRACKETS and all(byte in BRACKETS.encode() for byte in text)
