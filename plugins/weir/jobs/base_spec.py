"""What the specs of all kinds of jobs have in common. Durations are in seconds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, field_validator

from weir.jobs.fields import Memory, Name, Seconds, Section
from weir.jobs.kinds import Kind
from weir.jobs.source import Source

PACKAGE = "spark_jobs"  # Weir's own, which has the runtime and jobs


def _as_text(value: Any) -> Any:
    """YAML reads `2` as a number; an argument is text."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


Argument = Annotated[str, BeforeValidator(_as_text)]


def _as_texts(value: Any) -> Any:
    """YAML reads `true` and `2` as they look; Spark wants text."""
    return {k: str(v).lower() if isinstance(v, bool) else str(v) for k, v in value.items()} if isinstance(value, dict) else value


SparkOptions = Annotated[dict[str, str], BeforeValidator(_as_texts)]


class Resources(Section):
    """The resources of a driver and its executors."""

    executors: int = Field(default=1, ge=0)  # 0: the tasks run inside the driver
    cores: int = Field(default=2, ge=1)  # of all executors together; with no executors, of the driver
    driver_memory: Memory = "768m"
    executor_memory: Memory = "1g"


class Health(Section):
    ready_within: Seconds = 120.0
    stalled_after: Seconds = 60.0
    catching_up_lag: int = Field(default=10_000, ge=0)
    slow_after: Seconds = 600.0
    rejected_share: float = Field(default=0.5, ge=0, le=1)  # of a service's lines; above it, health and alerts name the service
    usual_rejected_share: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(default_factory=dict)  # by service, instead of that


class Restart(Section):
    backoff_first: Seconds = 2.0
    backoff_max: Seconds = 60.0
    jitter: float = Field(default=0.25, ge=0, le=1)  # share of a wait: jobs that went down together must not all restart in one instant
    budget: int = Field(default=5, ge=0)
    refill_after: Seconds = 600.0
    rebuild_on_divergence: bool = True
    larger_memory: Memory | None = None  # of the driver, for the one retry after it ran out of memory, and until the next deploy


class Limits(Section):
    lines_per_batch: int = Field(default=1_000_000, ge=1)


class JobSpec(Section):
    """The fields that a spec of any kind has. Durations are in seconds."""

    KIND: ClassVar[Kind]

    name: Name
    output: str
    description: str = ""
    owner: str = "weir"
    application: str = ""  # relative to the job's folder; one that begins with spark_jobs/ is a job of Weir's own package
    cluster: Literal["standalone", "kubernetes", "yarn"] = "standalone"
    source: Source = Source()
    resources: Resources = Resources()
    spark_conf: SparkOptions = Field(default_factory=dict)
    health: Health = Health()
    restart: Restart = Restart()

    @field_validator("application")
    @classmethod
    def _inside(cls, value: str) -> str:
        if value and (not value.endswith(".py") or value.startswith("/") or ".." in value.split("/")):
            raise ValueError("must be a .py file, relative to the job's folder and inside it")
        return value

    @property
    def kind(self) -> Kind:
        return self.KIND

    @property
    def program(self) -> str:
        """Return the file that is run, as the spec names it."""
        return self.application

    @property
    def entry(self) -> str:
        """Return the path in a bundle of the job's own program."""
        return self.program if self.program.startswith(f"{PACKAGE}/") else f"{self.name}/{self.program}"

    @property
    def main(self) -> str:
        """Return the path in a bundle of what Spark starts."""
        return self.entry

    @property
    def folder(self) -> str:
        """Return the path of the job's folder in a bundle: in Weir's package, or beside it under the job's name."""
        return "/".join(self.entry.split("/")[: 2 if self.entry.startswith(f"{PACKAGE}/") else 1])

    @property
    def folders(self) -> Mapping[int, str]:
        """Return the URIs of the folders that the job reads, by the position of the source."""
        return {}

    def cannot_follow(self, ran: JobSpec, stateful: bool) -> str:
        """Return why no attempt with this spec can continue the epoch of `ran`, whose checkpoint keeps state or not; empty if one can."""
        return ""

    def dump(self) -> str:
        """Return the spec as JSON, for the store."""
        return self.model_dump_json()


class DrivenSpec(JobSpec):
    """A job whose driver runs Weir's runtime, with options of its own."""

    # By their names in job.yaml. Those of a model of the job's own are checked when it is deployed.
    options: dict[str, Any] = Field(default_factory=dict)
    limits: Limits = Limits()
    trigger: Seconds = 1.0
    standby: Literal["none", "warm"] = "none"
