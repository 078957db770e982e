"""Read the sources of a landed job: one streaming DataFrame for each, by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from spark_jobs.runtime.contract import JobArguments
from spark_jobs.sources.files import stream
from spark_jobs.sources.kafka import connector, read, starting

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

NAME = "weirInput"  # an option that Spark's sources ignore: it names the input that a part of a plan reads
Inputs = Mapping[str, Mapping[str, Any]]  # the sources of the spec, by name


class SourcesChanged(Exception):
    """The pipeline reads other sources than the spec names, or in another order. Spark keeps offsets by a source's position."""


def streams(spark: SparkSession, args: JobArguments) -> dict[str, DataFrame]:
    """Return the streams by name. An epoch begins at `start`; after that the checkpoint says where to continue."""
    return {
        name: _folder(spark, name, one) if "folder" in one else _kafka(spark, args, name, one["topics"])
        for name, one in args.inputs.items()
    }


def require_order(pipeline: DataFrame, inputs: Inputs) -> None:
    """Raise SourcesChanged unless the pipeline reads all inputs, each for the first time in the order of the spec."""
    found = _names(pipeline)
    read = list(dict.fromkeys(found))
    if unused := [name for name in inputs if name not in read]:
        raise SourcesChanged(f"WEIR-326: the pipeline does not read {', '.join(unused)}: remove it from sources in job.yaml")
    if read != list(inputs):
        what = f"the pipeline reads its sources in the order {', '.join(read)}, and job.yaml has {', '.join(inputs)}"
        raise SourcesChanged(f"WEIR-326: {what}: put those of job.yaml into the order of the pipeline")
    twice = [name for name, n in Counter(found).items() if n > 1]
    if twice and any("folder" in one for one in inputs.values()):  # the line of a folder in `offsets/N` is known by its position only
        what = f"the pipeline uses {', '.join(twice)} more than once, which a job that reads a folder cannot do"
        raise SourcesChanged(f"WEIR-326: {what}: use each input once, or write two jobs")


def _kafka(spark: SparkSession, args: JobArguments, name: str, topics: Sequence[str]) -> DataFrame:
    starts = {topic: offsets for topic, offsets in starting(args).items() if topic in topics}
    reader = connector(spark.readStream, args).option(NAME, name)
    return read(reader, ("subscribe", ",".join(sorted(topics))), starts, args.max_lines_per_batch)


def _folder(spark: SparkSession, name: str, one: Mapping[str, Any]) -> DataFrame:
    options = {**one.get("options", {}), NAME: name}
    return stream(spark, one["folder"], one["format"], one.get("schema", ""), options, one["files_per_batch"])


def _names(pipeline: DataFrame) -> list[str]:
    """Return the names of the inputs in the order in which Spark finds them in the plan: that of the lines of `offsets/N`."""
    leaves: Any = pipeline._jdf.queryExecution().analyzed().collectLeaves()
    found = (_name(leaves.apply(n)) for n in range(leaves.size()))
    return [name for name in found if name]


def _name(leaf: Any) -> str:
    """Return the name of the input that a leaf of a plan reads; empty for other leaves."""
    kind = leaf.getClass().getSimpleName()
    if kind == "StreamingRelationV2":
        return str(leaf.extraOptions().get(NAME) or "")
    if kind == "StreamingRelation":  # of Spark's first interface, which folders have: a Scala map
        return str(leaf.dataSource().options().getOrElse(NAME, None) or "")
    return ""
