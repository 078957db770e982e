"""The alert rules in `rules/*.yaml` as typed models. A value that is not valid is refused with the name of its field."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import Field, field_validator, model_validator

from weir.errors import BadInput, BadRules, BadSpec, UnknownJob
from weir.jobs.fields import Name, Section, WholeSeconds, as_model
from weir.jobs.kinds import Capability
from weir.jobs.landed_spec import topic_of
from weir.jobs.spec import JobSpec, counting
from weir.jobs.specs import find as find_spec
from weir.times import duration

Severity = Literal["critical", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
Group = Literal["service", "signature"]
MOST_WINDOW_S = 7 * 86_400  # longer windows close too rarely to alert in time


class Basis(Section):
    """The fields of all rules. `by` opens an incident for each service or signature; `windows` is how many in a row must break the rule."""

    name: Name
    description: str = ""
    window: Annotated[WholeSeconds, Field(le=MOST_WINDOW_S)] = 60
    windows: int = Field(default=1, ge=1, le=60)
    service: str | None = None
    levels: tuple[str, ...] = ("error",)
    by: tuple[Group, ...] = ()
    severity: Severity = "warning"
    sinks: tuple[str, ...] = ()

    @field_validator("name")
    @classmethod
    def _free(cls, value: str) -> str:
        if value == "stream":
            raise ValueError("the name stream is reserved for incidents about a job's health")
        return value

    @field_validator("levels", "by", "sinks", mode="before")
    @classmethod
    def _as_list(cls, value: object) -> object:
        return [value] if isinstance(value, str) else value

    @property
    def width(self) -> int:
        """The window in ms."""
        return 1000 * self.window

    @property
    def fingerprint(self) -> str:
        """A digest of everything that an outcome depends on."""
        told = self.model_dump_json(exclude={"description", "severity", "sinks"})
        return hashlib.sha256(told.encode()).hexdigest()[:12]


class Threshold(Basis):
    """More than `above` lines of the levels in a window; or, with measure rate, more than this share of at least `at_least` lines."""

    kind: Literal["threshold"]
    measure: Literal["count", "rate"] = "count"
    above: float = Field(ge=0)
    at_least: int = Field(default=1, ge=1)

    @model_validator(mode="after")
    def _a_share(self) -> Threshold:
        if self.measure == "rate" and self.above >= 1:
            raise ValueError("above: a rate is a share of all lines and must be less than 1")
        return self


class NewSignature(Basis):
    """A signature that was not there in the time before. Of what has not been there for a day (the service, or the job),
    nothing is new."""

    kind: Literal["new_signature"]
    lookback: Annotated[WholeSeconds, Field(ge=3600, le=90 * 86_400)] = 14 * 86_400
    at_least: int = Field(default=1, ge=1)
    by: tuple[Group, ...] = ("service", "signature")

    @field_validator("by")
    @classmethod
    def _by_signature(cls, value: tuple[Group, ...]) -> tuple[Group, ...]:
        if "signature" not in value:
            raise ValueError("must have signature")
        return value


class Ratio(Basis):
    """More than `above` times the median of the same window in the last weeks, and `at_least` so many."""

    kind: Literal["ratio"]
    above: float = Field(gt=1)
    weeks: int = Field(default=4, ge=2, le=12)
    at_least: int = Field(default=10, ge=1)


class Absence(Basis):
    """Fewer than `below` lines in a window, of any level by default. A stream that does not run does not count as silent."""

    kind: Literal["absence"]
    below: int = Field(default=1, ge=1)
    levels: tuple[str, ...] = ()

    @field_validator("by")
    @classmethod
    def _of_nobody(cls, value: tuple[Group, ...]) -> tuple[Group, ...]:
        if value:
            raise ValueError("Weir cannot know which service or signature is missing: write one rule for each `service` instead")
        return value


Rule = Annotated[Threshold | NewSignature | Ratio | Absence, Field(discriminator="kind")]


class RowRule(Section):
    """A message for each row that a landed job writes to a topic: of JSON objects those that have all values of `where`."""

    name: Name
    description: str = ""
    where: dict[str, str | int | bool] = Field(default_factory=dict)
    text: str = "text"  # the field that is the message's title; without it the whole row
    severity: Severity = "warning"
    sinks: tuple[str, ...] = ()


class JobRules(Section):
    """A rules file: the rules of one job, and its sinks. Without a file a job has no rules, and messages go to the inbox."""

    job: Name
    sinks: tuple[str, ...] = ("inbox",)
    rules: tuple[Rule, ...] = ()
    rows: tuple[RowRule, ...] = ()

    @model_validator(mode="after")
    def _named_once(self) -> JobRules:
        names = [rule.name for rule in (*self.rules, *self.rows)]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"rules: two are named {', '.join(sorted(twice))}")
        return self

    def sinks_of(self, rule: Basis | RowRule) -> tuple[str, ...]:
        return rule.sinks or self.sinks


def parse(text: str, where: str) -> JobRules:
    """Parse a rules file. Raises BadRules that names each field that is not valid, and why."""
    return as_model(JobRules, text, where, BadRules)


def read_all(folder: Path, specs: Mapping[str, JobSpec]) -> dict[str, JobRules | BadRules]:
    """Read every `<job>.yaml` of the folder: by job its rules, or the error. One bad file does not affect other jobs.

    `specs` are those in force.
    """
    found: dict[str, JobRules | BadRules] = {}
    for file in sorted(folder.glob("*.yaml")):
        try:
            found[file.stem] = _read(file, specs)
        except BadRules as error:
            found[file.stem] = error
    return found


def load(folder: Path, spec: JobSpec) -> JobRules:
    """Return the rules of a job by its spec in force, none if it has no file. Raises BadRules; windows must be multiples of its pane."""
    file = folder / f"{spec.name}.yaml"
    return _read(file, {spec.name: spec}) if file.exists() else JobRules(job=spec.name)


def _read(file: Path, specs: Mapping[str, JobSpec]) -> JobRules:
    try:
        rules = parse(file.read_text(), file.name)
    except (OSError, UnicodeDecodeError) as error:
        raise BadRules(f"{file.name} cannot be read: {error}.", "Fix the file.") from error
    if rules.job != file.stem:
        raise BadRules(f"{file.name}: job: the file names the job {rules.job}.", f"Rename the file to {rules.job}.yaml, or correct `job`.")
    try:
        _fit(file.name, rules, find_spec(specs, rules.job))
    except (BadSpec, UnknownJob) as error:
        raise BadRules(f"{file.name}: job: {error.what}", error.next_step) from error
    return rules


def _fit(where: str, rules: JobRules, spec: JobSpec) -> None:
    if rules.rows and not topic_of(spec):
        what = f"{where}: rows: {spec.name} does not write to a topic of Kafka."
        raise BadRules(what, "Leave rows out, or give the job a sink of the kind kafka.")
    if not rules.rules:
        return
    if not spec.kind.can(Capability.COUNTS):
        what = f"{where}: rules: {spec.name} is a {spec.kind.name} job, which has no {Capability.COUNTS}."
        raise BadRules(what, "Leave rules out. Its health opens incidents without any.")
    pane = counting(spec).pane_s
    for i, rule in enumerate(rules.rules):
        if rule.window % pane:
            what = f"{where}: rules.{i}.window: {duration(rule.width)} of {rule.name} is not valid."
            raise BadRules(what, f"It must be a multiple of the pane, {duration(1000 * pane)}.")


def find(rules: JobRules, name: str) -> Rule:
    """Return the rule of that name. Raises BadInput that lists the rules."""
    for rule in rules.rules:
        if rule.name == name:
            return rule
    raise BadInput(f"rule: {rules.job} has no rule {name!r}.", f"Rules: {', '.join(r.name for r in rules.rules) or 'none'}.")
