"""How a spec names the format of a line: `nginx_error`, or a mapping with a `name` and options. Description only, for the job and the
recount; neither parses lines here. docs/formats.md says what each format accepts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from spark_jobs.formats.spec import error_log_format, fields, pattern, times
from spark_jobs.formats.spec.fields import SYSLOG, SYSLOG_5424
from spark_jobs.formats.spec.levels import NAMES

T = TypeVar("T")
APACHE, NGINX, PATTERN = "apache_error", "nginx_error", "pattern"
NGINX_PATTERN, NGINX_TIME = "%{time} [%{level}] %{pid}: %(*%{connection} %)%{message}", "%Y/%m/%d %H:%M:%S"
JSON_FORMATS: Mapping[str, Mapping[str, str]] = {  # and the members that they read
    "json": {"time": "@timestamp", "level": "level", "message": "message"},
    "ecs": {"time": "@timestamp", "level": "log.level", "message": "message"},
    "logstash": {"time": "@timestamp", "level": "level", "message": "message"},
}
EVERY = ("name", "container", "continuations")
LEVELLED = (*EVERY, "levels", "default_level")
OPTIONS: Mapping[str, tuple[str, ...]] = {  # by format
    APACHE: (*LEVELLED, "error_log_format"),
    NGINX: LEVELLED,
    SYSLOG: (*EVERY, "default_level"),
    SYSLOG_5424: EVERY,
    **dict.fromkeys(JSON_FORMATS, (*LEVELLED, "time", "time_format", "level", "message", "service")),
    PATTERN: (*LEVELLED, "pattern", "time_format"),
}
ISO = times.TimeFormat(times.ISO)


@dataclass(frozen=True)
class LineFormat:
    """The format of a service's lines. What does not apply to it is empty, or has its default."""

    name: str = APACHE
    containers: tuple[str, ...] = ()  # around a line, the outermost first: `cri`, ..., or `json:` and the name of a member
    parts: tuple[pattern.Part, ...] = ()  # of pattern, nginx_error, and apache_error with an ErrorLogFormat
    time_format: times.TimeFormat = ISO
    members: Mapping[str, str] = field(default_factory=dict)  # of JSON: the names of the members with time, level, message and service
    levels: Mapping[str, str] = field(default_factory=lambda: NAMES)  # by name in lower case; unused by apache_error without parts
    default_level: str = ""  # of a line that has none; empty: such a line is not of the format
    continuations: bool = True  # whether lines may continue the one before
    openings: tuple[str, ...] = ()  # of continuations, beside those of every format

    @property
    def names_service(self) -> bool:
        """Return whether a line may name its own service."""
        return pattern.SERVICE in self.members or pattern.Field(pattern.SERVICE) in list(pattern.flat(self.parts))


def line_format(value: Any) -> Any:
    """Return a value of `line_format` as it is kept: a name, or a mapping of text. Raises ValueError that names the field."""
    described(value)
    return value if isinstance(value, str) else _as_json(value)


def described(value: Any) -> LineFormat:
    """Return what a value of `line_format` stands for. Raises ValueError that names the field and the rule."""
    given = {"name": value} if isinstance(value, str) else value
    if not isinstance(given, Mapping) or not isinstance(given.get("name"), str):
        raise ValueError(f"must be the name of a format, or a mapping with its name; formats: {', '.join(OPTIONS)}")
    name = given["name"]
    if name not in OPTIONS:
        raise ValueError(f"{name!r} is not a line format; use one of: {', '.join(OPTIONS)}")
    if unknown := [str(key) for key in given if key not in OPTIONS[name]]:
        raise ValueError(f"{unknown[0]} is not an option of {name}; use one of: {', '.join(OPTIONS[name])}")
    return _with_levels(LineFormat(name, **_common(given), **_own(name, given)), given)


def _with_levels(found: LineFormat, given: Mapping[str, Any]) -> LineFormat:
    if found.name == APACHE and not found.parts and given.keys() & {"levels", "default_level"}:
        raise ValueError("levels, default_level: only of an apache_error with an error_log_format")
    if found.parts and not found.default_level and pattern.Field(pattern.LEVEL) not in found.parts:
        raise ValueError(f"{'pattern' if found.name == PATTERN else 'error_log_format'}: has no level, so default_level must say one")
    return found


def _common(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what any format may say."""
    found = {where: _of(given, name, rule) for name, where, rule in COMMON if name in given}
    return {**found, "continuations": given.get("continuations") is not False}


COMMON: tuple[tuple[str, str, Callable[[Any], Any]], ...] = (
    ("container", "containers", fields.containers),
    ("continuations", "openings", fields.openings),
    ("default_level", "default_level", fields.level),
    ("levels", "levels", fields.levels),
)


def _own(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a format alone says."""
    if name == NGINX:
        return {"parts": pattern.parsed(NGINX_PATTERN), "time_format": times.parsed(NGINX_TIME)}
    if name == PATTERN:
        return {"parts": _of(given, "pattern", pattern.parsed), "time_format": _time_format(given, json=False)}
    if name == APACHE and "error_log_format" in given:
        parts, time = _of(given, "error_log_format", error_log_format.parsed)
        return {"parts": parts, "time_format": time}
    if name == SYSLOG and "default_level" not in given:
        return {"default_level": "notice"}  # RFC 3164, 4.3.3: what has no priority is user.notice
    if name in JSON_FORMATS:
        own = {key: _of(given, key, fields.member) for key in ("time", "level", "message", "service") if key in given}
        return {"members": {**JSON_FORMATS[name], **own}, "time_format": _time_format(given, json=True)}
    return {}


def _time_format(given: Mapping[str, Any], json: bool) -> times.TimeFormat:
    found = _of({"time_format": times.ISO, **given}, "time_format", times.parsed)
    if found.name in (times.UNIX, times.UNIX_MS) and not json:
        raise ValueError("time_format: unix and unix_ms are for JSON; use %s or %s.%f")
    return found


def _of(given: Mapping[str, Any], name: str, rule: Callable[[Any], T]) -> T:
    """Return an option by its rule. Raises ValueError that names it."""
    try:
        value = given.get(name)
        return rule(fields.text(value) if rule in TEXTS else value)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


TEXTS: tuple[Callable[..., Any], ...] = (pattern.parsed, times.parsed, error_log_format.parsed)


def _as_json(value: Any) -> Any:
    """Return the value as JSON keeps it: its keys are text."""
    if isinstance(value, Mapping):
        return {str(key): _as_json(one) for key, one in value.items()}
    return [_as_json(one) for one in value] if isinstance(value, list | tuple) else value
