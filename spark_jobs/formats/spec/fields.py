"""The rules of the options of a line format: from a value as YAML has it to what it stands for. All raise ValueError that says the rule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spark_jobs.formats.spec.levels import LEVELS, NAMES
from spark_jobs.formats.spec.pattern import CONTROL

SYSLOG, SYSLOG_5424 = "syslog_rfc3164", "syslog_rfc5424"
CRI, COMPOSE = "cri", "compose"
MEMBERS = {"docker": "log", "filebeat": "message"}  # containers of JSON, and the member that has the line
CONTAINERS = (*MEMBERS, CRI, COMPOSE, SYSLOG, SYSLOG_5424)
MOST_CONTAINERS, MOST_LITERALS = 3, 50
DEEPEST = 4  # parts of a member's name
LONGEST_NAME = 200  # characters of a member's name, and of a literal
LONGEST_LEVEL = 16  # letters and digits of a level in a line


def text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("must be text")
    return value


def member(value: Any) -> str:
    """Check the name of a member; dots enter objects."""
    name = text(value)
    if len(name) > LONGEST_NAME or CONTROL.search(name) or name.count(".") >= DEEPEST or not all(name.split(".")):
        raise ValueError(f"must be the name of a member, such as log.level, of at most {DEEPEST} parts and {LONGEST_NAME} characters")
    return name


def containers(value: Any) -> tuple[str, ...]:
    """Return the containers, the outermost first; those of JSON as `json:` and the member."""
    found = tuple(_container(one) for one in (value if isinstance(value, list | tuple) else [value]))
    if not 1 <= len(found) <= MOST_CONTAINERS:
        raise ValueError(f"must be one to {MOST_CONTAINERS} containers")
    return found


def _container(value: Any) -> str:
    if isinstance(value, Mapping) and set(value) == {"json"}:
        return f"json:{member(value['json'])}"
    if not isinstance(value, str) or value not in CONTAINERS:
        raise ValueError(f"{value!r} is not a container; use one of: {', '.join(CONTAINERS)}, or json: with the name of a member")
    return f"json:{MEMBERS[value]}" if value in MEMBERS else value


def level(value: Any) -> str:
    if not isinstance(value, str) or value not in LEVELS:
        raise ValueError(f"{value!r} is not a level; use one of: {', '.join(LEVELS)}")
    return value


def levels(value: Any) -> Mapping[str, str]:
    """Return all names of levels, with those of the spec, in lower case."""
    if not isinstance(value, Mapping) or len(value) > MOST_LITERALS:
        raise ValueError(f"must be a mapping from at most {MOST_LITERALS} names to levels")
    names = {str(name): level(one) for name, one in value.items()}
    for name in names:
        if not (name.isascii() and name.isalnum() and len(name) <= LONGEST_LEVEL):
            raise ValueError(f"{name!r} is not one to {LONGEST_LEVEL} letters and digits")
    return {**NAMES, **{name.lower(): one for name, one in names.items()}}


def openings(value: Any) -> tuple[str, ...]:
    """Return the beginnings of lines that `continuations` adds; true and false add none."""
    if isinstance(value, bool):
        return ()
    if not isinstance(value, list | tuple) or len(value) > MOST_LITERALS:
        raise ValueError(f"must be true, false, or a list of at most {MOST_LITERALS} beginnings of lines")
    for one in value:
        if not isinstance(one, str) or not 1 <= len(one) <= LONGEST_NAME or CONTROL.search(one):
            raise ValueError(f"{one!r} is not the beginning of a line, of at most {LONGEST_NAME} characters")
    return tuple(value)
