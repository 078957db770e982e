"""The spec of a job, `job.yaml` beside its code, as a typed model of its kind. A wrong value is refused with the name of its field."""

from __future__ import annotations

import json
import re
from typing import Any, ClassVar, Literal

from pydantic import field_validator, model_validator

from spark_jobs.counts.options import CountsOptions
from weir.errors import BadSpec
from weir.jobs import released
from weir.jobs.base_spec import PACKAGE as PACKAGE
from weir.jobs.base_spec import Argument, DrivenSpec
from weir.jobs.base_spec import Health as Health
from weir.jobs.base_spec import JobSpec as JobSpec
from weir.jobs.base_spec import Limits as Limits
from weir.jobs.base_spec import Resources as Resources
from weir.jobs.base_spec import Restart as Restart
from weir.jobs.fields import from_yaml, validated
from weir.jobs.kinds import COUNTS, KINDS, LANDED, PLAIN, Capability, Kind
from weir.jobs.landed_spec import LandedSpec
from weir.jobs.options import checked, typed
from weir.jobs.source import Source

# What a plain job's arguments may name.
PLACEHOLDERS = ("checkpoint", "kafka", "kafka_options", "topic", "pattern", "job", "version", "folder")


class CountsSpec(DrivenSpec):
    """A job that counts lines into panes."""

    KIND: ClassVar[Kind] = COUNTS

    output: Literal["counts"] = "counts"
    application: str
    source: Source

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


MODELS: dict[str, type[JobSpec]] = {PLAIN.name: PlainSpec, LANDED.name: LandedSpec, COUNTS.name: CountsSpec}


def parse(text: str, where: str) -> JobSpec:
    """Parse a spec from YAML or from the JSON of the store, in the present form or the released one.

    Raises BadSpec that names each field that is not valid, and the rule.
    """
    values = from_yaml(text, where, BadSpec)
    output = values.get("output", COUNTS.name) if isinstance(values, dict) else COUNTS.name  # the released form has no output
    if not isinstance(output, str) or output not in MODELS:
        raise BadSpec(f"{where} is not valid: output: {output!r} is not a kind of job; kinds: {', '.join(KINDS)}.", "Fix the named field.")
    return validated(MODELS[output], released.translated(values), where, BadSpec)
