"""Apache httpd's error log, in Spark's built-in functions only.

    [Fri Dec 20 01:46:23 2015] [error] [client 1.2.3.4] Directory index forbidden by rule: /home/raj/
    [Fri Sep 09 10:42:29.902022 2011] [core:error] [pid 35708:tid 4328636416] [client 72.15.99.187] File does not exist: /x

A line is of this format if its brackets, blanks and colons are where they are above and its level is one of httpd's, in any case. The
weekday is three bytes that are ignored; the day may be padded by a blank; a fraction of a second has one to nine digits, of which three
count; a module before the level, `[pid ...]` and `[client ...]` are optional, and the client may be any text.

Its time is valid if digits are digits and the calendar has it: no February 30, no 24:00:00, no leap second, no year 0. In a time zone with
summer time, a time that occurs twice is the first of the two, and one that does not occur is moved forward by the length of the gap.

Everything is found by position and compared as bytes: one regular expression for the head costs as much as all of this, and a cast of each
piece to text more than half of it.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

from pyspark.sql import functions as F
from pyspark.sql.types import LongType, StringType, TimestampType

from spark_jobs.formats.level import CAPITALS
from spark_jobs.formats.moment import InUtc
from spark_jobs.formats.shape import MONTHS
from spark_jobs.formats.spec.levels import ERRORS, LEVELS

if TYPE_CHECKING:
    from pyspark.sql import Column

TEXT = StringType()  # by its name it would go through the parser of all of SQL: half a second of a driver's start
BLANKS, COLONS = (5, 9, 12), (15, 18)  # positions that are the same in both forms, counted from 1
LONGEST_LEVEL = 64  # bytes of module, colon and level
TO_THE_END = 1 << 30


def parse(in_utc: InUtc) -> list[dict[str, Column]]:
    """Return stages of columns, each built on those before; see `spark_jobs.formats`. The session's own time zone must be UTC."""
    text = F.col("_text")
    return [
        {"_end": _end_of_time(), "_name": _bytes(6, 3)},
        {"_named": F.substring_index(_bytes(F.col("_end") + 3, LONGEST_LEVEL).cast(TEXT), "]", 1)},
        {"_spelt": F.substring_index("_named", ":", -1)},
        # Not F.lower: its first call maps all of Unicode to title case, 1.5 CPU-s of a driver's start.
        {"_level": F.when(F.col("_spelt").isin(*LEVELS), F.col("_spelt")).otherwise(F.translate("_spelt", CAPITALS, CAPITALS.lower()))},
        {"level": F.when(_fits() & F.col("_level").isin(*LEVELS), F.col("_level"))},
        {"_text": F.when(F.col("level").isin(*ERRORS), _bytes(_end_of_level() + 1, TO_THE_END)), "event_ms": _event_ms(in_utc)},
        {"_text": _without(" [pid ")},
        {"_text": _without(" [client ")},
        {"message": F.trim(text.cast(TEXT))},
    ]


def _bytes(position: int | Column, length: int | Column) -> Column:
    return F.substring("value", position, length)


def _is(position: int | Column, text: str) -> Column:
    return _bytes(position, len(text)) == F.lit(text.encode())


def _end_of_time() -> Column:
    """Where the bracket after the time is: without a fraction, with one of six digits, or to be looked for (and then not sure)."""
    near = F.substring_index(_bytes(21, 18).cast(TEXT), "] [", 1)  # finds bytes; locate counts characters
    return F.when(_is(26, "] ["), 26).when(_is(33, "] ["), 33).otherwise(F.octet_length(near) + 21)


def _end_of_level() -> Column:
    return F.col("_end") + 3 + F.octet_length("_named")


def _fits() -> Column:
    """Return whether the fixed characters of the head are in place."""
    end = F.col("_end")
    brackets = [_is(1, "["), _is(end, "] ["), _is(_end_of_level(), "]")]
    fixed = [*brackets, *(_is(p, " ") for p in BLANKS), *(_is(p, ":") for p in COLONS), _is(end - 5, " ")]
    fraction = (end == 26) | (_is(21, ".") & end.between(28, 36))
    return reduce(lambda a, b: a & b, fixed) & fraction


def _event_ms(in_utc: InUtc) -> Column:
    """Return the time in ms. Spark's cast would also take `01:46:2Z` and `01:46:2.`, so the last digit is checked."""
    end = F.col("_end")
    year, day = _bytes(end - 4, 4), F.when(_is(10, " "), F.concat(F.lit(b"0"), _bytes(11, 1))).otherwise(_bytes(10, 2))
    time = F.concat(year, _month(), day, _bytes(12, 9)).cast(TEXT).try_cast(TimestampType())
    digits = _bytes(20, 1).between(F.lit(b"0"), F.lit(b"9")) & (year != F.lit(b"0000"))
    return F.when(F.col("level").isNotNull() & digits, F.unix_millis(in_utc(time)) + F.when(end == 26, 0).otherwise(_fraction_ms()))


def _month() -> Column:
    """`-12-` for Dec, as bytes; null for what is no month."""
    months = [(F.col("_name") == F.lit(name.encode()), F.lit(f"-{n:02}-".encode())) for n, name in enumerate(MONTHS, 1)]
    return reduce(lambda case, month: case.when(*month), months[1:], F.when(*months[0]))


def _fraction_ms() -> Column:
    """`.902022` as 902. The one in front keeps signs and blanks from passing for digits, and the zeros make nine digits of fewer.
    A cast trims blanks at the end, which leaves fewer digits."""
    digits = F.concat(F.lit(b"1"), _bytes(22, F.col("_end") - 27), F.lit(b"00000000"))
    number = F.substring(digits, 1, 10).cast(TEXT).try_cast(LongType())
    return F.when(number >= 1_000_000_000, F.floor(number / 1_000_000) - 1000)


def _without(tag: str) -> Column:
    """Return the text after a leading `[tag ...]`; nothing if it is not closed."""
    text = F.col("_text")
    inside = F.substring_index(text.cast(TEXT), "]", 1)
    after = F.substring(text, F.octet_length(inside) + 2, F.lit(TO_THE_END))
    return F.when(F.substring(text, 1, len(tag)) == F.lit(tag.encode()), after).otherwise(text)
