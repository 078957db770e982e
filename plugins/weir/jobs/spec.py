"""The spec of a job, `job.yaml` beside its code, as a typed model. A wrong value is refused with the name of its field."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
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


def read(file: Path) -> tuple[JobSpec | None, str]:
    """The spec in a file with its place, or None with what is wrong."""
    where = f"{file.parent.name}/{file.name}"
    try:
        return parse(file.read_text(), where), where
    except BadSpec as error:
        return None, f"{error.what} {error.next_step}"
    except (OSError, UnicodeDecodeError) as error:
        return None, f"{where} cannot be read: {error}."


class Specs(dict[str, JobSpec]):
    """The specs that fit, by job name. `bad` has an error for each file that does not, by the name that its job is asked for by."""

    def __init__(self, specs: Mapping[str, JobSpec] | None = None, bad: Mapping[str, BadSpec] | None = None) -> None:
        super().__init__(specs or {})
        self.bad = dict(bad or {})


def sound(folder: Path) -> Specs:
    """Every `*/job.yaml` below `folder`. A file that does not fit leaves the other jobs alone; of two with one name the first counts."""
    specs, owners = Specs(), dict[str, str]()
    for file in sorted(folder.glob("*/job.yaml")):
        spec, told = read(file)
        if spec is None:
            specs.bad[_asked_as(file)] = BadSpec(told)
        elif spec.name in specs:
            what = f"{told}: name: {spec.name} is the job of {owners[spec.name]} already."
            specs.bad[file.parent.name] = BadSpec(what, "Choose another name.")
        else:
            specs[spec.name], owners[spec.name] = spec, told
    return specs


def _asked_as(file: Path) -> str:
    """The name that a file that does not fit gives its job, else the name of its folder."""
    with suppress(Exception):
        told = yaml.load(file.read_text(), LOADER)  # noqa: S506 - a safe one
        if isinstance(told, dict) and isinstance(told.get("name"), str):
            return str(told["name"])
    return file.parent.name


def with_deployed(here: Specs, rows: Iterable[JobRow]) -> Specs:
    """The specs that are here, and the deployed ones of jobs that have none: a job that runs, and one whose file does not fit."""
    missing = [row for row in rows if row.job not in here and (row.desired == "running" or row.job in here.bad)]
    return Specs(here | {row.job: spec for row in missing if (spec := in_force(None, row))}, here.bad)


def all_in_force(specs: Mapping[str, JobSpec], rows: Iterable[JobRow]) -> Specs:
    """Each job's spec in force."""
    wanted = {row.job: row for row in rows}
    return Specs({job: in_force(spec, wanted.get(job)) or spec for job, spec in specs.items()}, bad_of(specs))


def spec_of(specs: Mapping[str, JobSpec], job: str, wanted: JobRow | None) -> JobSpec:
    """The spec in force of one job, whichever door asks. Raises UnknownJob, or BadSpec if its file does not fit and it is not deployed."""
    return in_force(specs.get(job), wanted) or find(specs, job)


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


def find(specs: Mapping[str, JobSpec], job: str) -> JobSpec:
    """Raises UnknownJob that lists the jobs there are, or BadSpec if the job's file does not fit."""
    if job in specs:
        return specs[job]
    bad = bad_of(specs)
    if job in bad:
        raise BadSpec(bad[job].what, bad[job].next_step)
    there = [*specs, *(f"{name} (its file does not fit)" for name in bad)]
    raise UnknownJob(f"There is no job {job!r}.", f"Jobs: {', '.join(there) or 'none'}.")


def bad_of(specs: Mapping[str, JobSpec]) -> Mapping[str, BadSpec]:
    """What is wrong with the files that do not fit, by job name."""
    return specs.bad if isinstance(specs, Specs) else {}
