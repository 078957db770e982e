"""The rules of signatures, as data: what varies in a message and is masked.

Delimiters cut a message into tokens. A token is masked by what it looks like (a number, a path, a host name), by its quotes, or by the word
before it (`user bob`). Rules look at one message alone, from left to right, once; of several that fit at a place, the first counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from spark_jobs.counts.shapes import (
    BLANK,
    DIGITS,
    EVERY,
    HEX,
    LETTERS,
    LOWER,
    UPPER,
    After,
    Many,
    Run,
    Seq,
    Shape,
    ahead,
    first,
    maybe,
    one,
    seq,
    text,
    unless,
)  # fmt: skip

VERSION = 2  # of these rules: raise it with every change that gives some message another signature
MASK = "*"
LONGEST_MESSAGE = 1024  # characters that a signature may depend on
LONGEST = 256  # characters of a signature


class Rule(NamedTuple):
    """What to mask, and what stands before it and stays."""

    masked: Shape
    before: Shape = Seq(())


class Gate(NamedTuple):
    """Rules that fit only where the lead does, which takes nothing."""

    lead: Shape
    rules: tuple[Rule | Gate, ...]


@dataclass(frozen=True)
class Changes:
    """What a job changes: tokens that stay, tokens that are masked, words after which the next token is masked, classes left out."""

    keep: tuple[str, ...] = ()
    mask: tuple[str, ...] = ()
    mask_after: tuple[str, ...] = ()
    without: tuple[str, ...] = ()


SHIPPED = Changes()  # none


# Characters. A token is a run of TOKEN; rules are tried where one begins, and after each other delimiter.
WORD = LETTERS | DIGITS | {"_", "$"}
TOKEN = WORD | frozenset("-./~+")
JOINTS = TOKEN - WORD
QUOTES = frozenset("'\"")
LABEL = LETTERS | DIGITS | {"-", "_"}
IN_NAME = EVERY - BLANK - frozenset(":,;()[]<>")
IN_PATH = EVERY - BLANK - frozenset(",;:'\"()[]<>")
IN_URL = EVERY - BLANK - frozenset(",;'\"()[]<>")
IN_VALUE = EVERY - BLANK - frozenset(",;&'\"()[]{}<>")

# Literals.
DOMAINS = ("com", "net", "org", "edu", "gov", "mil", "biz", "local", "internal", "localdomain", "lan", "corp")
LONG_DOMAINS = ("info", "int", "io")  # only of names of three labels or more, as all of two letters: java.io is no host
NO_DOMAINS = ("id", "is", "py", "sh", "so", "md")  # ends of the names of properties and files
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
UNITS = (
    *("B", "kB", "KB", "MB", "GB", "TB", "PB", "KiB", "MiB", "GiB", "TiB", "byte", "bytes"),
    *("ns", "us", "ms", "s", "sec", "secs", "second", "seconds", "min", "mins", "minute", "minutes", "h", "hour", "hours", "day", "days"),
)
KEEP = ("IPv4", "IPv6", "ipv4", "ipv6", "UTF-8", "utf-8", "utf8", "SHA-1", "SHA-256", "SHA1", "SHA256", "sha1", "sha256", "MD5", "md5")
EVENT_KEYS = (  # their values say what happened
    *("msg", "message", "err", "error", "reason", "code", "status", "state", "level", "severity", "event", "type", "action", "method"),
    *("exception", "cause", "result", "operation", "op", "command", "cmd"),
)
USERS = ("user", "users", "username")
NEW_USERS = ("invalid user", "illegal user", "unknown user")
LOGINS = ("password for", "publickey for", "failure for", "failures for", "failed for")
NO_LOGINS = ("user", "invalid", "illegal", "unknown")  # what follows these and is no name
NO_USERS = (
    *("not", "is", "was", "has", "had", "unknown", "invalid", "illegal", "authentication", "request", "name", "account", "agent"),
    *("with", "from", "by", "and", "or", "in", "on", "to", "does", "did", "can", "could", "failed", "id"),
)

# Tokens, by what they look like.
END = unless(one(TOKEN))
GAP = Run(frozenset(" "), 1, 2)
HOST_END = unless(first(one(LABEL | {"$"}), seq(".", one(WORD))))
COUNTRY = seq(unless(text(*NO_DOMAINS), HOST_END), Run(LOWER, 2, 2))
LAST_LABEL = first(text(*LONG_DOMAINS), COUNTRY)
HOST = seq(
    ahead(Run(LABEL - DIGITS), Run(LABEL, 0), "."),  # what begins with a digit is a number
    first(
        seq(Many(seq(Run(LABEL), "."), 1), text(*DOMAINS), HOST_END),
        seq(Many(seq(Run(LABEL), "."), 2), LAST_LABEL, HOST_END),
    ),
    maybe(":", Run(DIGITS)),
)
MAIL = seq(Run(LABEL | frozenset("+.")), "@", one(LETTERS), Run(LABEL, 0), Many(seq(".", Run(LABEL)), 1))
URL = seq(one(LOWER), Run(LOWER | DIGITS | frozenset("+."), 0), "://", Run(IN_URL, 0))
PATH = first(seq("/", Run(IN_PATH, 0)), seq(one(LETTERS), ":\\", Run(IN_PATH, 0)), seq("\\\\", Run(IN_PATH)))
COLONS = seq(  # IPv6 and MAC addresses, and times
    After(frozenset(":"), there=False),
    ahead(Run(HEX - DIGITS | frozenset(":."), 0), one(DIGITS)),
    Many(seq(Run(HEX, 0, 4), ":"), 2, 7),
    maybe(Run(HEX), Many(seq(".", Run(DIGITS)))),
    maybe("%", Run(LETTERS | DIGITS)),
    unless(one(WORD | {":"})),
)
PIECES = seq(Run(JOINTS, 0), Run(WORD), Many(seq(Run(JOINTS), Run(WORD))))
WITH_DIGIT = seq(ahead(Run(TOKEN - DIGITS, 0), one(DIGITS)), PIECES)
FUNCTION = seq(Run(WORD), text("()", "::"))
CODE = seq(Run(UPPER, 2), Run(frozenset("-_"), 0, 1), Run(DIGITS, 3, 6), ":", unless(one(EVERY - BLANK)))  # AH01630: ORA-00942:
PACKAGE = seq(one(LOWER | {"_"}), Run(LOWER | DIGITS | {"_"}, 0), ".")
CLASS = seq(Many(PACKAGE, 1), one(UPPER), Run(WORD, 0), END)  # com.example.v2.Name
TOLD = seq(ahead(one(WORD - DIGITS)), first(FUNCTION, CODE, CLASS, seq(text(*KEEP), END)))  # these have digits and stay
LESS = seq(After(BLANK), "<", ahead(one(DIGITS)))
UNIT = seq(" ", text(*UNITS), END)
NUMBER = seq(unless(TOLD), maybe(LESS), WITH_DIGIT, Many(seq(":", WITH_DIGIT)), Run(frozenset("="), 0, 2), maybe(UNIT))
DATE_OPENS = frozenset(name[0] for name in DAYS + MONTHS)
MONTH = seq(maybe(text(*DAYS), maybe(","), " "), text(*MONTHS))
DATE = seq(ahead(one(DATE_OPENS)), first(MONTH, text(*DAYS)), maybe(","), ahead(GAP, one(DIGITS)))
CLASSES: dict[str, Shape] = {"url": URL, "path": PATH, "address": COLONS, "date": DATE, "mail": MAIL, "host": HOST, "number": NUMBER}

# Tokens, by what stands around them.
OPENED = maybe(one(QUOTES | {"<"}))
IN_QUOTES = seq(After(QUOTES), Run(EVERY - QUOTES), ahead(one(QUOTES)))
NAME = first(IN_QUOTES, seq(one(IN_NAME - QUOTES), Run(IN_NAME, 0)))
BETWEEN = first(text("="), seq(":", maybe(GAP)), GAP)


def after(known: tuple[str, ...], *but: str) -> Rule:
    """Return the rule that masks what follows one of these words, unless it is one of `but`."""
    no_name = [unless(text(*but, any_case=True), END, unless(" from "))] if but else []  # `for user from 1.2.3.4`: that is his name
    return Rule(NAME, seq(text(*known, any_case=True), BETWEEN, *no_name, OPENED))


NEW_USER = Rule(  # its name may be missing
    first(seq(unless(maybe(" "), "from "), maybe(GAP), OPENED, NAME), ahead(" from ")), seq(text(*NEW_USERS, any_case=True), " ")
)
NAMES = (NEW_USER, after(USERS, *NO_USERS), after(LOGINS, *NO_LOGINS))
VALUE = first(seq(one(QUOTES), Run(EVERY - QUOTES, 0), one(QUOTES)), seq(unless("="), Run(IN_VALUE)))
VALUES = (
    Rule(VALUE, seq(ahead(Run(TOKEN), "="), unless(text(*EVENT_KEYS), "="), Run(TOKEN), "=")),
    Rule(seq(Run(EVERY - {'"'}), ahead('"')), text('[data "')),
)
QUOTED = Rule(
    seq(Run(EVERY - BLANK - QUOTES), ahead(one(QUOTES), unless(one(WORD | {":"})))), seq(After(frozenset("="), there=False), one(QUOTES))
)
KINDS = (*CLASSES, "user", "value", "quoted")  # what can be left out

# Most tokens are of letters alone, and only a word before them could mask them, so they are recognised first.
PLAIN = seq(
    unless(ahead(one(DATE_OPENS)), text(*DAYS, *MONTHS), one(frozenset(" ,"))),
    Run(LETTERS | {"_"}),
    unless(first(one(TOKEN | frozenset("=@")), seq(":", one(EVERY - BLANK)))),
)
# What was masked in a row, in a list, or in brackets after another, is masked once.
ROW = seq(MASK, Many(first(seq(first(seq(",", Run(frozenset(" "), 0, 1)), GAP), MASK), seq(" (", text(MASK, ""), ")")), 1))
OPENS = TOKEN | QUOTES | frozenset("<:[\\")


def rules(changes: Changes = SHIPPED) -> Gate:
    """Return the rules with a job's changes. They are tried after each character that is none of TOKEN, and where a message begins."""
    on = set(KINDS) - set(changes.without)
    found: list[Rule | Gate] = [after(changes.mask_after)] if changes.mask_after else []
    found += [Gate(ahead(one(_openings(*USERS, *NEW_USERS, *LOGINS))), NAMES)] if "user" in on else []
    found += [QUOTED] if "quoted" in on else []
    values = VALUES if "value" in on else ()
    found += [Rule(seq(text(*changes.mask), END))] if changes.mask else []
    tokens = [shape for name, shape in CLASSES.items() if name in on]
    kept = [unless(text(*changes.keep), END)] if changes.keep else []
    return Gate(ahead(one(OPENS)), (*found, Gate(unless(PLAIN), (*values, Rule(seq(*kept, first(*tokens)))))))


def _openings(*literals: str) -> frozenset[str]:
    return frozenset(letter for literal in literals for letter in (literal[0].lower(), literal[0].upper()))
