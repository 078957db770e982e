"""The spec of a job, `job.yaml` beside its code, as a typed model. A wrong value is refused with the name of its field."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from zoneinfo import ZoneInfo, available_timezones

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from weir.errors import BadSpec, UnknownJob, WeirError
from weir.ports.jobs import JobRow

# libyaml reads a spec ten times as fast as Python does; a fleet of a thousand is read for each file of DAGs.
LOADER: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
ZONES = cache(available_timezones)  # each call looks through the folders of zones: 7 ms
M = TypeVar("M", bound=BaseModel)
# What is the supervisor's own in a spec, and holds as soon as it is written. All else is what a driver was deployed with.
OWN = ("description", "owner", "health", "restart")
UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def seconds(value: Any) -> float:
    """`10s`, `1.5m`, `2h` or a number of seconds, in seconds."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", str(value).strip())
    if not match:
        raise ValueError("must be a duration such as 10s, 5m or 1h")
    return float(match[1]) * UNITS[match[2]]


Seconds = Annotated[float, BeforeValidator(seconds), Field(gt=0)]
WholeSeconds = Annotated[int, BeforeValidator(seconds), Field(gt=0)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
Memory = Annotated[str, Field(pattern=r"^[1-9]\d*[mg]$")]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Source(Section):
    topic: str
    line_format: str = "apache_error"
    time_zone: str = "UTC"

    @field_validator("time_zone")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in ZONES():
            raise ValueError(f"{value!r} is not a time zone; use a name such as Europe/Berlin")
        return str(ZoneInfo(value))


class Panes(Section):
    width: WholeSeconds = 10
    allowed_lateness: WholeSeconds = 60
    future_skew: WholeSeconds = 3600
    shards: int = Field(default=4, ge=1, le=256)

    @field_validator("width")
    @classmethod
    def _divides_an_hour(cls, value: int) -> int:
        if 3600 % value:
            raise ValueError("must divide an hour, since panes are kept by the hour")
        return value


class Limits(Section):
    signature_cap: int = Field(default=200, ge=1)
    rejected_samples: int = Field(default=100, ge=0, le=10_000)
    lines_per_batch: int = Field(default=2_000_000, ge=1)


class Resources(Section):
    """`executors` 0 runs the tasks inside the driver; `cores` are those of all executors, or of the driver then."""

    executors: int = Field(default=1, ge=0)
    cores: int = Field(default=2, ge=1)
    driver_memory: Memory = "768m"
    executor_memory: Memory = "1g"


class Health(Section):
    ready_within: Seconds = 120.0
    stalled_after: Seconds = 60.0
    catching_up_lag: int = Field(default=10_000, ge=0)
    slow_after: Seconds = 600.0


class Restart(Section):
    backoff_first: Seconds = 2.0
    backoff_max: Seconds = 60.0
    jitter: float = Field(default=0.25, ge=0, le=1)  # of a wait: whatever fells many jobs at once must not raise all in one instant
    budget: int = Field(default=5, ge=0)
    refill_after: Seconds = 600.0
    rebuild_on_divergence: bool = True
    larger_memory: Memory | None = None  # of the driver, for the one retry after it ran out of memory, and until the next deploy


class JobSpec(Section):
    """All that defines a running job. Durations are in seconds."""

    name: Name
    description: str = ""
    owner: str = "weir"
    application: str
    cluster: Literal["standalone", "kubernetes", "yarn"] = "standalone"
    source: Source
    panes: Panes = Panes()
    limits: Limits = Limits()
    trigger: Seconds = 1.0
    resources: Resources = Resources()
    spark_conf: dict[str, str] = {}
    health: Health = Health()
    restart: Restart = Restart()
    standby: Literal["none", "warm"] = "none"

    @field_validator("spark_conf", mode="before")
    @classmethod
    def _as_text(cls, value: Any) -> Any:
        """YAML reads `true` and `2` as they look; Spark wants text."""
        if not isinstance(value, dict):
            return value
        return {k: str(v).lower() if isinstance(v, bool) else str(v) for k, v in value.items()}


def parse(text: str, where: str) -> JobSpec:
    """Raises BadSpec that names each field that does not fit, and the rule."""
    return as_model(JobSpec, text, where, BadSpec)


def as_model(model: type[M], text: str, where: str, wrong: type[WeirError]) -> M:
    """YAML as a typed model. Raises `wrong` that names each field that does not fit, and the rule."""
    try:
        return model.model_validate(yaml.load(text, LOADER))  # noqa: S506 - a safe one
    except yaml.YAMLError as error:
        raise wrong(f"{where} is not YAML: {error}.", "Mend the file.") from error
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'the file'}: {e['msg']}" for e in error.errors())
        raise wrong(f"{where} does not fit: {problems}.", "Mend the named fields.") from error


def read_all(folder: Path) -> list[tuple[JobSpec | None, str]]:
    """Every `*/job.yaml` below `folder`: the spec with its place, or None with what is wrong. One bad spec leaves the others alone."""
    return [read(file) for file in sorted(folder.glob("*/job.yaml"))]


def read(file: Path) -> tuple[JobSpec | None, str]:
    """The spec in a file with its place, or None with what is wrong."""
    where = f"{file.parent.name}/{file.name}"
    try:
        return parse(file.read_text(), where), where
    except BadSpec as error:
        return None, f"{error.what} {error.next_step}"
    except (OSError, UnicodeDecodeError) as error:
        return None, f"{where} cannot be read: {error}."


def sound(folder: Path) -> dict[str, JobSpec]:
    """The specs that fit, by job name; of two with one name the first."""
    specs: dict[str, JobSpec] = {}
    for spec, _ in read_all(folder):
        if spec is not None:
            specs.setdefault(spec.name, spec)
    return specs


def load_all(folder: Path) -> dict[str, JobSpec]:
    """Every `*/job.yaml` below `folder`, by job name. Raises BadSpec."""
    specs: dict[str, JobSpec] = {}
    for file in sorted(folder.glob("*/job.yaml")):
        spec = parse(file.read_text(), f"{file.parent.name}/{file.name}")
        if spec.name in specs:
            raise BadSpec(f"{file.parent.name}/{file.name}: name: {spec.name} is another job's already.", "Choose another name.")
        specs[spec.name] = spec
    return specs


def in_force(here: JobSpec | None, wanted: JobRow | None) -> JobSpec | None:
    """The spec that a job is judged and counted by: as it was deployed, with what is the supervisor's own as it is `here`. None if
    there is neither.

    A topic that was changed in the file, and not deployed, had the running driver called in data loss; a typo, watched over by nobody.
    """
    was = _deployed(wanted.spec) if wanted else None
    return was.model_copy(update={name: getattr(here, name) for name in OWN}) if was and here else was or here


@lru_cache(4096)
def _deployed(spec: str) -> JobSpec | None:
    """None of a spec that another release wrote in a form of its own. Asked for each job at each pass."""
    try:
        return JobSpec.model_validate_json(spec)
    except ValidationError:
        return None


def find(specs: dict[str, JobSpec], job: str) -> JobSpec:
    """Raises UnknownJob that lists the jobs there are."""
    if job not in specs:
        raise UnknownJob(f"There is no job {job!r}.", f"Jobs: {', '.join(specs) or 'none'}.")
    return specs[job]
