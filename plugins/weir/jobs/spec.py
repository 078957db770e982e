"""The spec of a job, `job.yaml` beside its code, as a typed model of its kind. A wrong value is refused with the name of its field."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from spark_jobs.counts.options import CountsOptions
from weir.errors import BadSpec
from weir.jobs import released
from weir.jobs.fields import Memory, Name, Seconds, Section, from_yaml, validated
from weir.jobs.kinds import COUNTS, KINDS, PLAIN, Capability, Kind
from weir.jobs.options import checked, typed
from weir.jobs.source import Source

PACKAGE = "spark_jobs"  # Weir's own, which has the runtime and jobs
# What a plain job's arguments may name.
PLACEHOLDERS = ("checkpoint", "kafka", "kafka_options", "topic", "pattern", "job", "version", "folder")


def _as_text(value: Any) -> Any:
    """YAML reads `2` as a number; an argument is text."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


Argument = Annotated[str, BeforeValidator(_as_text)]


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
    spark_conf: dict[str, str] = Field(default_factory=dict)
    health: Health = Health()
    restart: Restart = Restart()

    @field_validator("spark_conf", mode="before")
    @classmethod
    def _as_text(cls, value: Any) -> Any:
        """YAML reads `true` and `2` as they look; Spark wants text."""
        if not isinstance(value, dict):
            return value
        return {k: str(v).lower() if isinstance(v, bool) else str(v) for k, v in value.items()}

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
        """Return the path of the program in a bundle."""
        return self.program if self.program.startswith(f"{PACKAGE}/") else f"{self.name}/{self.program}"

    @property
    def folder(self) -> str:
        """Return the path of the job's folder in a bundle: in Weir's package, or beside it under the job's name."""
        return "/".join(self.entry.split("/")[: 2 if self.entry.startswith(f"{PACKAGE}/") else 1])

    def dump(self) -> str:
        """Return the spec as JSON, for the store."""
        return self.model_dump_json()


class CountsSpec(JobSpec):
    """A job that counts lines into panes."""

    KIND: ClassVar[Kind] = COUNTS

    output: Literal["counts"] = "counts"
    application: str
    source: Source
    # By their names in job.yaml. Options of counting are checked here, those of the job's own model when it is deployed.
    options: dict[str, Any] = Field(default_factory=dict)
    limits: Limits = Limits()
    trigger: Seconds = 1.0
    standby: Literal["none", "warm"] = "none"

    @field_validator("source")
    @classmethod
    def _named(cls, value: Source) -> Source:
        if not value:
            raise ValueError("name exactly one of topic, topics and pattern")
        return value

    @field_validator("options")
    @classmethod
    def _known_ones(cls, value: dict[str, Any]) -> dict[str, Any]:
        return checked(CountsOptions, value, strict=False)

    @property
    def counting(self) -> CountsOptions:
        """Return the options of counting. Exact for a deployed spec, which has every option of the job's own model."""
        return typed(CountsOptions, self.options)

    def dump(self) -> str:
        """Return the spec as JSON, in the form of release adaf5c8 if that can express it: after a rollback it reads what runs."""
        return json.dumps(released.older(self.model_dump(mode="json")), separators=(",", ":"))


class PlainSpec(JobSpec):
    """A Spark application that uses nothing of Weir: a Python file, or a JAR with its main class."""

    KIND: ClassVar[Kind] = PLAIN

    output: Literal["plain"]
    jar: str = ""
    main_class: str = ""
    arguments: tuple[Argument, ...] = ()
    jars: tuple[str, ...] = ()  # beside those of the settings: paths in the job's folder, or URIs that the cluster reaches

    @field_validator("arguments")
    @classmethod
    def _can_be_filled_in(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [name for text in value for name in re.findall(r"\{([A-Za-z_]+)\}", text) if name not in PLACEHOLDERS]
        if unknown:
            raise ValueError(f"{{{unknown[0]}}} is not a placeholder; use one of {', '.join(f'{{{name}}}' for name in PLACEHOLDERS)}")
        return value

    @model_validator(mode="after")
    def _fits(self) -> PlainSpec:
        if bool(self.application) == bool(self.jar):
            raise ValueError("application: name a .py file, or a jar with its main_class, and not both")
        if bool(self.jar) != bool(self.main_class):
            raise ValueError("main_class: a jar needs one, and only a jar has one")
        if "rebuild_on_divergence" in self.restart.model_fields_set:
            raise ValueError("restart.rebuild_on_divergence: a plain job has no ledger to rebuild from")
        for name, there in (("topic", ",".join(self.source.names)), ("pattern", self.source.pattern)):
            if not there and self.asks_for(name):
                raise ValueError(f"arguments: {{{name}}} needs a source with one")
        return self

    @property
    def program(self) -> str:
        return self.application or self.jar

    def asks_for(self, placeholder: str) -> bool:
        """Return whether the arguments contain this placeholder."""
        return any(f"{{{placeholder}}}" in text for text in self.arguments)

    def dump(self) -> str:
        return self.model_dump_json(exclude={"restart": {"rebuild_on_divergence"}})


def counts_of(spec: JobSpec) -> CountsSpec:
    """Return the spec as that of a counting job. Raises BadInput for another kind."""
    spec.kind.require(spec.name, Capability.COUNTS)
    assert isinstance(spec, CountsSpec)
    return spec


def counting(spec: JobSpec) -> CountsOptions:
    """Return the options that a job counts by. Raises BadInput for a job of another kind."""
    return counts_of(spec).counting


MODELS: dict[str, type[JobSpec]] = {PLAIN.name: PlainSpec, COUNTS.name: CountsSpec}


def parse(text: str, where: str) -> JobSpec:
    """Parse a spec from YAML or from the JSON of the store, in the present form or the released one.

    Raises BadSpec that names each field that is not valid, and the rule.
    """
    values = from_yaml(text, where, BadSpec)
    output = values.get("output", COUNTS.name) if isinstance(values, dict) else COUNTS.name  # the released form has no output
    if not isinstance(output, str) or output not in MODELS:
        raise BadSpec(f"{where} is not valid: output: {output!r} is not a kind of job; kinds: {', '.join(KINDS)}.", "Fix the named field.")
    return validated(MODELS[output], released.translated(values), where, BadSpec)
