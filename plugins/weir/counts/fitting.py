"""How a format would take the lines of a file, and which format takes most of them. Pure: the recount's parsers, on lines in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import yaml

from spark_jobs.formats.spec import OPTIONS, PATTERN, described
from spark_jobs.formats.spec.continuations import CONTINUATION
from weir.counts.parsers.found import Found
from weir.counts.parsers.line import judge

FUTURE_MS = 26 * 3_600_000  # of a file on disk only the zone is unknown: no line of it is from the future for that
SAMPLES = 3  # of each reason
MOST = 0.5  # share of rejected lines
COUNTED = "counted"
# Layouts of frameworks as they come, by what they are called.
LAYOUTS: Mapping[str, Mapping[str, str]] = {
    "apache_error, ErrorLogFormat with ISO dates": {
        "name": "apache_error",
        "error_log_format": r"[%{cu}t] [%-m:%l] [pid %P:tid %T] [client\ %a] %M",
    },
    "logback": {"name": PATTERN, "pattern": "%{time} [%{thread}] %{level} %{logger} - %{message}", "time_format": "%Y-%m-%d %H:%M:%S,%f"},
    "Spring Boot": {"name": PATTERN, "pattern": "%{time} %{level} %{pid} --- [%{app}] [%{thread}] %{logger} : %{message}"},
    "Spring Boot 2": {"name": PATTERN, "pattern": "%{time} %{level} %{pid} --- [%{thread}] %{logger} : %{message}"},
    "Spark, Hadoop with log4j": {"name": PATTERN, "pattern": "%{time} %{level} %{logger}: %{message}", "time_format": "%y/%m/%d %H:%M:%S"},
    "Python, log4j": {"name": PATTERN, "pattern": "%{time} %{level} %{logger}: %{message}"},
    "Python with dashes": {"name": PATTERN, "pattern": "%{time} - %{logger} - %{level} - %{message}"},
    "PostgreSQL": {"name": PATTERN, "pattern": "%{time} UTC [%{pid}] %{level}: %{message}"},
    "time, level, message": {"name": PATTERN, "pattern": "%{time} %{level} %{message}"},
}
LOOSE = ("syslog_rfc3164", "time, level, message")  # they also take most lines of stricter formats
CONTAINERS: Sequence[Any] = (None, "docker", "cri", "compose", "filebeat")


@dataclass
class Fit:
    """What a format makes of lines. `value` is what `line_format` in job.yaml must be; `samples` are the first lines by reason."""

    name: str
    value: Any
    outcomes: Counter[str] = field(default_factory=Counter)  # COUNTED, or the reason
    levels: Counter[str] = field(default_factory=Counter)
    samples: dict[str, list[bytes]] = field(default_factory=dict)
    newest: int | None = None  # the largest time of a counted line (ms)

    @property
    def lines(self) -> int:
        return self.outcomes.total()

    @property
    def rejects(self) -> dict[str, int]:
        """Return the rejected lines by reason. Continuations are not rejected."""
        return {reason: n for reason, n in self.outcomes.items() if reason not in (COUNTED, CONTINUATION)}

    @property
    def misfits(self) -> bool:
        """Return whether most lines would be rejected: the format is most likely another one."""
        return sum(self.rejects.values()) > MOST * self.lines

    @property
    def first(self) -> bytes:
        """Return the first rejected line; empty if there is none."""
        return next((lines[0] for reason, lines in self.samples.items() if reason != CONTINUATION), b"")

    @property
    def share(self) -> float:
        """Return the share of the lines that count or continue one that does; 0 if none counts."""
        taken = self.outcomes[COUNTED] and self.outcomes[COUNTED] + self.outcomes[CONTINUATION]
        return taken / self.lines if self.lines else 0.0


def fit(lines: Sequence[bytes], value: Any, zone: str, now: int, name: str = "", future_skew: int = FUTURE_MS) -> Fit:
    """Return what a format makes of lines that are read at `now`; times are in ms. Raises ValueError if the format is not valid."""
    found = Fit(name or str(value), value)
    for line, taken in zip(lines, each(lines, value, zone, now, future_skew), strict=True):
        outcome = taken if isinstance(taken, str) else COUNTED
        found.outcomes[outcome] += 1
        if isinstance(taken, str):
            samples = found.samples.setdefault(taken, [])
            samples += [line] if len(samples) < SAMPLES else []
        else:
            found.levels[str(taken.level)] += 1
            found.newest = max(found.newest or 0, taken.moment or 0)
    return found


def each(lines: Iterable[bytes], value: Any, zone: str, now: int, future_skew: int = FUTURE_MS) -> Iterator[Found | str]:
    """Yield what a format makes of each line: its level and time, or the reason why it does not count."""
    by = judge(described(value), zone, future_skew)
    return (by(line, now) for line in lines)


def ranked(lines: Sequence[bytes], zone: str, now: int) -> list[Fit]:
    """Return the formats that take some of the lines, best first; among equals the stricter ones come first."""
    found = [fit(lines, value, zone, now, name) for name, value in candidates()]
    return sorted((one for one in found if one.share), key=lambda one: (-one.share, one.name in LOOSE, -len(one.levels)))


def candidates() -> Iterator[tuple[str, Any]]:
    """Yield each format and layout, alone and in each container, with its name."""
    known: dict[str, Any] = {**{name: name for name in OPTIONS if name != PATTERN}, **LAYOUTS}
    for container, (name, value) in product(CONTAINERS, known.items()):
        if container is None:
            yield name, value
        else:
            yield f"{name} in {container}", {**(dict(value) if isinstance(value, Mapping) else {"name": value}), "container": container}


def as_yaml(value: Any) -> str:
    """Return a format as it stands in job.yaml, in one line."""
    return str(yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=1000).removesuffix("...\n").strip())


__all__ = ["COUNTED", "LAYOUTS", "OPTIONS", "Fit", "as_yaml", "candidates", "each", "fit", "ranked"]
