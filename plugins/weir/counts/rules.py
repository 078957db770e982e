"""What counting a job's lines depends on, taken from its spec: for all who count again, fold or validate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from weir.jobs.spec import JobSpec
    from weir.ports.jobs import VersionRow


@dataclass(frozen=True)
class Rules:
    """Durations in ms. `earlier` has those of other versions of the job, by version: what has landed was read by its own."""

    job: str
    topic: str
    pane: int = 10_000
    lateness: int = 60_000
    future_skew: int = 3_600_000
    time_zone: str = "UTC"
    line_format: str = "apache_error"
    earlier: Mapping[str, Rules] = field(default_factory=dict, compare=False)

    def of_version(self, version: str) -> Rules:
        """Those that a version of the job counted by; the present ones if nobody knows it."""
        return self.earlier.get(version, self)

    @classmethod
    def of_all(cls, spec: JobSpec, rows: Sequence[VersionRow]) -> Rules:
        """The spec's, with those that the job's other versions counted by."""
        from weir.jobs.versions import readable

        return replace(cls.of(spec), earlier={version: cls.of(was) for version, was in readable(rows)})

    @classmethod
    def of(cls, spec: JobSpec) -> Rules:
        panes, source = spec.panes, spec.source
        return cls(
            job=spec.name,
            topic=source.topic,
            pane=1000 * panes.width,
            lateness=1000 * panes.allowed_lateness,
            future_skew=1000 * panes.future_skew,
            time_zone=source.time_zone,
            line_format=source.line_format,
        )
