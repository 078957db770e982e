"""What a spec changes of the rules of signatures: `options.signatures`, and `options.services.NAME.signatures` beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from spark_jobs.counts.signature_rules import KINDS, TOKEN, WORD, Changes

MOST, LONGEST_LITERAL = 100, 64  # literals of a list, characters of a literal


def signatures(value: Any) -> Mapping[str, tuple[str, ...]]:
    """Return valid changes of the rules. Raises ValueError that names the field."""
    if not isinstance(value, Mapping):
        raise ValueError(f"must be a mapping with {', '.join(FIELDS)}")
    found = {}
    for name, given in value.items():
        if name not in FIELDS:
            raise ValueError(f"{name}: is not known; use {', '.join(FIELDS)}")
        if not isinstance(given, list | tuple) or len(given) > MOST:
            raise ValueError(f"{name}: must be a list of at most {MOST}")
        for one in given:
            if not isinstance(one, str) or not FIELDS[name](one):
                raise ValueError(f"{name}: {one!r} {RULES[name]}")
        found[str(name)] = tuple(given)
    return found


def changes(*given: Mapping[str, Any]) -> Changes:
    """Return changes that are made together: those of a job, and those of a service."""
    return Changes(**{name: tuple(dict.fromkeys(one for each in given for one in each.get(name, ()))) for name in FIELDS})


def _token(text: str) -> bool:
    return 1 <= len(text) <= LONGEST_LITERAL and set(text) <= TOKEN


def _words(text: str) -> bool:
    return 1 <= len(text) <= LONGEST_LITERAL and text[0] in WORD and text[-1] in TOKEN and set(text) <= TOKEN | {" "}


FIELDS: Mapping[str, Callable[[str], bool]] = {"keep": _token, "mask": _token, "mask_after": _words, "without": KINDS.__contains__}
A_TOKEN = f"is no token: it has 1 to {LONGEST_LITERAL} of the characters A-Z a-z 0-9 _ $ - . / ~ +"
RULES = {
    "keep": A_TOKEN,
    "mask": A_TOKEN,
    "mask_after": "are no words: they are tokens with blanks between them",
    "without": f"is no class; use {', '.join(KINDS)}",
}
