"""What a job says of single services: `options.services` in its spec, by name; and the groups of services whose lines are read alike.

A field of a service is added in FIELDS.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from spark_jobs.counts.cells import LONGEST_SERVICE
from spark_jobs.counts.signature_options import signatures
from spark_jobs.formats.spec import LineFormat, described, line_format
from spark_jobs.runtime.options import zone

MOST = 200  # services with fields of their own
FIELDS: Mapping[str, Callable[[Any], Any]] = {"line_format": line_format, "time_zone": zone, "signatures": signatures}
Services = Mapping[str, Mapping[str, Any]]


def services(value: Any) -> Services:
    """Return valid `services`. Raises ValueError that names the service and the field."""
    if not isinstance(value, Mapping) or len(value) > MOST:
        raise ValueError(f"must be a mapping from names of services, {MOST} at most, to {', '.join(FIELDS)}")
    return {str(name): _fields(str(name), fields) for name, fields in value.items()}


def _fields(name: str, given: Any) -> Mapping[str, Any]:
    if not 1 <= len(name.encode()) <= LONGEST_SERVICE:
        raise ValueError(f"{name!r} is not the name of a service: it has 1 to {LONGEST_SERVICE} bytes")
    if not isinstance(given, Mapping):
        raise ValueError(f"{name}: must be a mapping with {', '.join(FIELDS)}")
    found = {}
    for key, value in given.items():
        try:
            if key not in FIELDS:
                raise ValueError(f"is not known; use {', '.join(FIELDS)}")
            found[key] = FIELDS[key](value)
        except ValueError as error:
            raise ValueError(f"{name}.{key}: {error}") from error
    return found


@dataclass(frozen=True)
class Reading:
    """How the lines of some services are read."""

    line_format: LineFormat
    time_zone: str  # of those without a zone of their own
    names: tuple[str, ...]  # the services; empty: all that no other reading names
    zones: Mapping[str, tuple[str, ...]]  # by zone, the services that have it as their own


def readings(default: Any, time_zone: str, each: Services) -> list[Reading]:
    """Return the readings of a job, each format once; the first is that of the services without a format of their own."""
    values = {_key(value): value for value in (default, *(own.get("line_format", default) for own in each.values()))}
    return [_reading(value, time_zone, _those(value, default, each), key == _key(default)) for key, value in values.items()]


def _those(value: Any, default: Any, each: Services) -> Services:
    """Return the named services with this format."""
    return {name: own for name, own in each.items() if _key(own.get("line_format", default)) == _key(value)}


def _reading(value: Any, time_zone: str, those: Services, others: bool) -> Reading:
    zones: dict[str, list[str]] = {}
    for name, own in those.items():
        if own.get("time_zone", time_zone) != time_zone:
            zones.setdefault(own["time_zone"], []).append(name)
    return Reading(described(value), time_zone, () if others else tuple(those), {zone: tuple(names) for zone, names in zones.items()})


def _key(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
