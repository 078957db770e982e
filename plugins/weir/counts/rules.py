"""The rules by which a job's lines are counted, from its spec: for recount, fold and validation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from weir.jobs.spec import JobSpec, counting
from weir.jobs.versions import readable
from weir.ports.jobs import VersionRow
from weir.ports.source import Subscription


@dataclass(frozen=True)
class Rules:
    """How a job's lines are counted. Durations are in ms."""

    job: str
    topic: str  # empty for a job that may read several
    pane: int = 10_000
    lateness: int = 60_000
    future_skew: int = 3_600_000
    time_zone: str = "UTC"
    line_format: str | Mapping[str, Any] = "apache_error"  # spark_jobs.formats.spec.described says what it stands for
    services: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # line_format and time_zone of single services, by name
    several: Subscription | None = None
    earlier: Mapping[str, Rules] = field(default_factory=dict, compare=False)  # by version, of other versions of the job

    @property
    def reads(self) -> Subscription:
        """Return the topics that the job reads."""
        return self.several or Subscription((self.topic,))

    def zone_of(self, service: str) -> str:
        """Return the time zone of a service's lines."""
        return str(self.services.get(service, {}).get("time_zone", self.time_zone))

    def format_of(self, service: str) -> Any:
        """Return the line format of a service's lines, as the spec names it."""
        return self.services.get(service, {}).get("line_format", self.line_format)

    def of_version(self, version: str) -> Rules:
        """Return the rules of a version of the job; the present ones if it is unknown."""
        return self.earlier.get(version, self)

    @classmethod
    def of_all(cls, spec: JobSpec, rows: Sequence[VersionRow]) -> Rules:
        """Return the rules of a spec, with those of the job's other versions."""
        return replace(cls.of(spec), earlier={version: cls.of(was) for version, was in readable(rows)})

    @classmethod
    def of(cls, spec: JobSpec) -> Rules:
        """Return the rules of a spec. Raises BadInput for a job that does not count."""
        options, reads = counting(spec), spec.source.subscription
        return cls(
            job=spec.name,
            topic=reads.single,
            several=reads if reads.several else None,
            pane=1000 * options.pane_s,
            lateness=1000 * options.allowed_lateness_s,
            future_skew=1000 * options.future_skew_s,
            time_zone=options.time_zone,
            line_format=options.line_format,
            services=options.services,
        )
