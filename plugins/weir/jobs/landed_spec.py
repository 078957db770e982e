"""The spec of a landed job: named sources in an order, a pipeline, and a sink."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from spark_jobs.protocol.partition import is_folder
from spark_jobs.sinks.settings import checked
from spark_jobs.sources.folders import of_inputs
from weir.jobs.base_spec import DrivenSpec, JobSpec
from weir.jobs.fields import Section
from weir.jobs.inputs import Input, names_in
from weir.jobs.kinds import LANDED, Kind
from weir.jobs.source import EARLIEST, StartAt
from weir.jobs.state_conf import refused

MAIN = "spark_jobs/landed/main.py"
SINK_TARGET = ("kind", "database", "table", "topic", "path", "mode", "key", "transactional_id")  # where rows are, and how they are written
OF_STATE = ("spark.sql.shuffle.partitions", "spark.sql.streaming.stateStore.providerClass")  # Spark fixes these in a checkpoint
NEW_JOB = "Make a new job for it, which reads from the beginning into a new target"


class Reader(Section):
    """The role of PostgreSQL that reads the sink for people. No driver gets it, and it may write nothing."""

    user: str = Field(min_length=1)
    password_file: str = ""  # on the machines of Airflow, `weir serve` and `weir query`; empty: no password
    cert_file: str = ""
    key_file: str = ""


class LandedSpec(DrivenSpec):
    """A job whose batches land once each in the sink."""

    KIND: ClassVar[Kind] = LANDED

    output: Literal["landed"]
    application: str = "pipeline.py"  # has the function `pipeline`
    sources: dict[str, Input] = Field(min_length=1)  # by the names that the pipeline uses, in the order in which it reads them
    start: StartAt = EARLIEST  # as in source.start of other kinds
    sink: dict[str, Any]
    reader: Reader | None = None
    output_mode: Literal["append", "update", "complete"] = "append"
    standby: Literal["none"] = "none"

    @model_validator(mode="before")
    @classmethod
    def _together(cls, values: Any) -> Any:
        """Set `source`, by which supervision knows what the job reads, to all topics and folders of `sources`."""
        if not isinstance(values, dict) or not isinstance(values.get("sources"), dict):
            return values
        names = [name for one in values["sources"].values() for name in names_in(one)]
        named = {"topic": names[0]} if len(names) == 1 and not is_folder(names[0]) else {"topics": names}
        return {**values, "source": {**named, "start": values.get("start", EARLIEST)}}

    @field_validator("sources")
    @classmethod
    def _different(cls, value: dict[str, Input]) -> dict[str, Input]:
        folders = Counter(one.names[0] for one in value.values() if one.path)
        if twice := [folder for folder, n in folders.items() if n > 1]:
            raise ValueError(f"the folder {', '.join(twice)} is read by several sources. Name it once")
        return value

    @field_validator("start")
    @classmethod
    def _from_the_first_file(cls, value: StartAt, info: ValidationInfo) -> StartAt:
        if value != EARLIEST and any(one.path for one in info.data.get("sources", {}).values()):
            raise ValueError(f"a folder is read from its first file, so start can only be {EARLIEST}. Remove it")
        return value

    @field_validator("sink", mode="before")
    @classmethod
    def _known(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            raise ValueError("must have a kind, and the fields of that kind")
        return checked(value)

    @field_validator("reader")
    @classmethod
    def _of_a_table(cls, value: Reader | None, info: ValidationInfo) -> Reader | None:
        sink = info.data.get("sink", {})
        if value and sink and (sink["kind"] != "postgresql" or sink["user"] == value.user):
            raise ValueError(
                "is for a sink in PostgreSQL, with another user than the sink's, which may write. Remove it, or change its user"
            )
        return value

    @model_validator(mode="after")
    def _keeps_state(self) -> LandedSpec:
        if why := refused(self.spark_conf):
            raise ValueError(f"spark_conf.{why}")
        return self

    @property
    def main(self) -> str:
        return MAIN

    @property
    def module(self) -> str:
        """Return the module of the pipeline, as a driver imports it."""
        return self.entry.removesuffix(".py").replace("/", ".")

    @property
    def inputs(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the sources as the driver takes them."""
        return {name: one.argument for name, one in self.sources.items()}

    @property
    def folders(self) -> Mapping[int, str]:
        return of_inputs(self.inputs)

    def cannot_follow(self, ran: JobSpec, stateful: bool) -> str:
        if not isinstance(ran, LandedSpec):
            return ""
        if _read(ran) != _read(self):
            what = f"Spark keeps offsets by the order of {', '.join(ran.sources)} and their topics or paths, so neither can change"
            return f"sources: {what}. {NEW_JOB}"
        if moved := [name for name in SINK_TARGET if ran.sink.get(name) != self.sink.get(name)]:
            return f"sink.{', sink.'.join(moved)}: what has landed is in the old target, or was written in the old way. {NEW_JOB}"
        if stateful and ran.output_mode != self.output_mode:
            return f"output_mode: the state in the checkpoint was made with {ran.output_mode}. {NEW_JOB}"
        if stateful and (fixed := [name for name in OF_STATE if ran.spark_conf.get(name) != self.spark_conf.get(name)]):
            return f"spark_conf.{', '.join(fixed)}: Spark cannot change it for state that exists. {NEW_JOB}"
        return ""


def _read(spec: LandedSpec) -> list[tuple[str, tuple[str, ...]]]:
    return [(name, one.names) for name, one in spec.sources.items()]


def topic_of(spec: JobSpec) -> str:
    """Return the topic that a landed job writes to; empty for other jobs and sinks."""
    return str(spec.sink["topic"]) if isinstance(spec, LandedSpec) and spec.sink["kind"] == "kafka" else ""
