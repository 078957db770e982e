"""One source of a landed job, as its spec names it: a Kafka topic, several, or a folder that grows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, field_validator, model_serializer, model_validator

from spark_jobs.sources.folders import MOST_FILES, refused, uri_of
from weir.jobs.base_spec import SparkOptions
from weir.jobs.fields import Section

MOST_ALLOWED = 5_000  # files of a batch: claim and ledger row keep a list of them, some 100 bytes each


class Input(Section):
    """Exactly one of `topic`, `topics` and `path`; the other fields say how Spark reads the files of a path."""

    topic: str = ""
    topics: tuple[str, ...] = ()
    path: str = ""  # absolute, or a URI
    format: Literal["csv", "json", "text"] | None = None
    columns: str = Field(default="", alias="schema")  # in SQL, such as `id long, text string`; text files have the column `value`
    options: SparkOptions = Field(default_factory=dict)  # of Spark's reader
    files_per_batch: int = Field(default=MOST_FILES, ge=1, le=MOST_ALLOWED)

    @field_validator("path")
    @classmethod
    def _can_be_listed(cls, value: str) -> str:
        return value and uri_of(value) and value

    @field_validator("options")
    @classmethod
    def _leave_the_files_to_weir(cls, value: dict[str, str]) -> dict[str, str]:
        if wrong := refused(value):
            raise ValueError(f"{', '.join(wrong)}: Weir sets this, or must know which files Spark reads. Remove it")
        return value

    @model_validator(mode="after")
    def _one(self) -> Input:
        if [bool(each) for each in (self.topic, self.topics, self.path)].count(True) != 1:
            raise ValueError("name exactly one of topic, topics and path")
        if not self.path and self.model_fields_set - {"topic", "topics", "path"}:
            raise ValueError("format, schema, options and files_per_batch are for a path only")
        if self.path and self.format is None:
            raise ValueError("a path needs a format: csv, json or text")
        if self.path and (self.format == "text") == bool(self.columns):
            raise ValueError("csv and json need a schema, and text has none")
        return self

    @model_serializer(mode="wrap")
    def _without_defaults(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what a Kafka source does not have: earlier releases do not know it."""
        values = {("schema" if name == "columns" else name): value for name, value in handler(self).items()}
        return values if self.path else {name: values[name] for name in ("topic", "topics")}

    @property
    def names(self) -> tuple[str, ...]:
        """Return the topics, or the URI of the folder."""
        return (uri_of(self.path),) if self.path else (self.topic,) if self.topic else self.topics

    @property
    def argument(self) -> Mapping[str, Any]:
        """Return the source as the driver takes it."""
        if not self.path:
            return {"topics": list(self.names)}
        known = {"folder": uri_of(self.path), "format": self.format, "files_per_batch": self.files_per_batch}
        return {**known, **({"schema": self.columns} if self.columns else {}), **({"options": self.options} if self.options else {})}


def names_in(values: object) -> list[str]:
    """Return the names of a source in a spec that was not validated yet; those that are no names are left out."""
    if isinstance(values, Input):
        return list(values.names)
    if not isinstance(values, dict):
        return []
    if values.get("topic") or values.get("topics"):
        return [values["topic"]] if values.get("topic") else list(values["topics"])
    try:
        return [uri_of(str(values["path"]))] if values.get("path") else []
    except ValueError:
        return []
