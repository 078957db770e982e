"""The spec of a landed job: named sources in an order, a pipeline, and a sink."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from spark_jobs.sinks.settings import checked
from weir.jobs.base_spec import DrivenSpec, JobSpec
from weir.jobs.fields import Section
from weir.jobs.kinds import LANDED, Kind
from weir.jobs.source import EARLIEST, StartAt
from weir.jobs.state_conf import refused

MAIN = "spark_jobs/landed/main.py"
SINK_TARGET = ("kind", "database", "table", "topic", "path", "mode", "key", "transactional_id")  # where rows are, and how they are written
OF_STATE = ("spark.sql.shuffle.partitions", "spark.sql.streaming.stateStore.providerClass")  # Spark fixes these in a checkpoint
NEW_JOB = "Make a new job for it, which reads from the beginning into a new target"


class Input(Section):
    """A source of a landed job: one Kafka topic, or several."""

    topic: str = ""
    topics: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _one(self) -> Input:
        if bool(self.topic) == bool(self.topics):
            raise ValueError("name exactly one of topic and topics")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        return (self.topic,) if self.topic else self.topics


class LandedSpec(DrivenSpec):
    """A job whose batches land once each in the sink."""

    KIND: ClassVar[Kind] = LANDED

    output: Literal["landed"]
    application: str = "pipeline.py"  # has the function `pipeline`
    sources: dict[str, Input] = Field(min_length=1)  # by the names that the pipeline uses, in the order in which it reads them
    start: StartAt = EARLIEST  # as in source.start of other kinds
    sink: dict[str, Any]
    output_mode: Literal["append", "update", "complete"] = "append"
    standby: Literal["none"] = "none"

    @model_validator(mode="before")
    @classmethod
    def _together(cls, values: Any) -> Any:
        """Set `source`, by which supervision knows what the job reads, to all topics of `sources`."""
        if not isinstance(values, dict) or not isinstance(values.get("sources"), dict):
            return values
        each = [one for one in values["sources"].values() if isinstance(one, dict)]
        topics = [topic for one in each for topic in ([one["topic"]] if one.get("topic") else one.get("topics") or ())]
        named = {"topic": topics[0]} if len(topics) == 1 else {"topics": topics}
        return {**values, "source": {**named, "start": values.get("start", EARLIEST)}}

    @field_validator("sink", mode="before")
    @classmethod
    def _known(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            raise ValueError("must have a kind, and the fields of that kind")
        return checked(value)

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
        return {name: {"topics": list(one.names)} for name, one in self.sources.items()}

    def cannot_follow(self, ran: JobSpec, stateful: bool) -> str:
        if not isinstance(ran, LandedSpec):
            return ""
        if list(ran.sources.items()) != list(self.sources.items()):
            return (
                f"sources: Spark keeps offsets by the order of {', '.join(ran.sources)} and their topics, so neither can change. {NEW_JOB}"
            )
        if moved := [name for name in SINK_TARGET if ran.sink.get(name) != self.sink.get(name)]:
            return f"sink.{', sink.'.join(moved)}: what has landed is in the old target, or was written in the old way. {NEW_JOB}"
        if stateful and ran.output_mode != self.output_mode:
            return f"output_mode: the state in the checkpoint was made with {ran.output_mode}. {NEW_JOB}"
        if stateful and (fixed := [name for name in OF_STATE if ran.spark_conf.get(name) != self.spark_conf.get(name)]):
            return f"spark_conf.{', '.join(fixed)}: Spark cannot change it for state that exists. {NEW_JOB}"
        return ""
