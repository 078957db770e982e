"""The landed kind for the driver: a pipeline over named inputs, and the sink of the spec."""

from __future__ import annotations

from dataclasses import is_dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from spark_jobs.landed.evaluation import Evaluation
from spark_jobs.landed.fenced import Evaluated, FencedSink
from spark_jobs.landed.inputs import require_order, streams
from spark_jobs.runtime.batches import Job
from spark_jobs.runtime.contract import JobArguments
from spark_jobs.sinks.registry import sink_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def landed(args: JobArguments) -> Job[Evaluated]:
    """Return the landed job of these arguments. Its own code is imported when its stream is made."""
    return Job(
        evaluation=lambda args, _: Evaluation(args),
        sink=lambda session, args: FencedSink(sink_of(args.sink, args.job, session, args.kafka)),
        stream=lambda spark, args, _: stream(spark, args),
        output_mode=args.output_mode or "append",
        keeps_plans=True,
        reads_records=False,
    )


def stream(spark: SparkSession, args: JobArguments) -> DataFrame:
    """Return what the job's own function `pipeline` makes of its inputs. Raises SourcesChanged."""
    found: DataFrame = import_module(args.pipeline).pipeline(streams(spark, args), options_of(args))
    require_order(found, args.inputs)
    return found


def options_of(args: JobArguments) -> Any:
    """Return the options as the class `Options` of the job's `options.py`; without one, as a mapping."""
    package = args.pipeline.rpartition(".")[0]
    try:
        model = import_module(f"{package}.options").Options
    except ModuleNotFoundError as error:
        if error.name != f"{package}.options":
            raise
        return dict(args.options)
    assert isinstance(model, type) and is_dataclass(model)
    return args.typed(model)
