"""What counting a job's lines depends on, taken from its spec: for all who count again, fold or validate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from weir.jobs.spec import JobSpec, counting
from weir.jobs.versions import readable
from weir.ports.jobs import VersionRow
from weir.ports.source import Subscription


@dataclass(frozen=True)
class Rules:
    """Durations in ms. `earlier` has those of other versions of the job, by version: what has landed was read by its own."""

    job: str
    topic: str  # empty for a job that may have several
    pane: int = 10_000
    lateness: int = 60_000
    future_skew: int = 3_600_000
    time_zone: str = "UTC"
    line_format: str = "apache_error"
    several: Subscription | None = None
    earlier: Mapping[str, Rules] = field(default_factory=dict, compare=False)

    @property
    def reads(self) -> Subscription:
        """The topics that the job reads."""
        return self.several or Subscription((self.topic,))

    def of_version(self, version: str) -> Rules:
        """Those that a version of the job counted by; the present ones if nobody knows it."""
        return self.earlier.get(version, self)

    @classmethod
    def of_all(cls, spec: JobSpec, rows: Sequence[VersionRow]) -> Rules:
        """The spec's, with those that the job's other versions counted by."""
        return replace(cls.of(spec), earlier={version: cls.of(was) for version, was in readable(rows)})

    @classmethod
    def of(cls, spec: JobSpec) -> Rules:
        """Raises BadInput for a job that does not count."""
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
        )
