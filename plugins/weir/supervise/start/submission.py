"""Build the submission of a driver from its spec and arguments. Pure."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from spark_jobs.runtime import logs
from spark_jobs.runtime.contract import JobArguments
from spark_jobs.runtime.kafka_address import KafkaAddress, java_options
from weir.addresses import driver_kafka_address
from weir.file_stores import spark_conf, spark_env
from weir.jobs.spec import JobSpec, PlainSpec
from weir.ports.attempts import AttemptRow
from weir.ports.cluster import Submission
from weir.settings import Settings
from weir.supervise.judge.restart import starved


def enlarged(spec: JobSpec, attempts: Sequence[AttemptRow]) -> JobSpec:
    """Return the spec, with its larger memory if an attempt since the last deploy ran out of the usual one. `attempts` are newest first."""
    if spec.restart.larger_memory is None or not starved(attempts):
        return spec
    return spec.model_copy(update={"resources": spec.resources.model_copy(update={"driver_memory": spec.restart.larger_memory})})


def submission(spec: JobSpec, args: JobArguments, bundle: Path, settings: Settings) -> Submission:
    """Return the submission of a driver that uses the runtime, from the code in `bundle`."""
    name = f"weir:{spec.name}:{'standby' if args.standby else args.attempt}"
    found = _submission(spec, name, args.to_argv(), bundle, [bundle], settings)
    return replace(found, env={**found.env, logs.FORMAT: settings.log_format})


def plain_submission(spec: PlainSpec, attempt: int, version: str, checkpoint: str, bundle: Path, settings: Settings) -> Submission:
    """Return the submission of a plain job, from the code in `bundle`. Driver and executors find the modules beside the script."""
    folder = bundle / spec.folder
    kafka = driver_kafka_address(settings)
    values = {
        "checkpoint": checkpoint,
        "kafka": kafka.servers,
        "kafka_options": spark_options(kafka),
        "topic": ",".join(spec.source.names),
        "pattern": spec.source.pattern,
        "job": spec.name,
        "version": version,
        "folder": str(folder),
    }
    arguments = [filled(text, values) for text in spec.arguments]
    found = _submission(spec, f"weir:{spec.name}:{attempt}", arguments, bundle, [folder, bundle], settings)
    jars = [jar if ":" in jar or jar.startswith("/") else str(folder / jar) for jar in spec.jars]
    return replace(found, main_class=spec.main_class, jars=[*found.jars, *jars])


def spark_options(kafka: KafkaAddress) -> str:
    """Return the options of Spark's Kafka source for an address, as JSON: with TLS and login, and without secrets."""
    return json.dumps({f"kafka.{name}": value for name, value in java_options(kafka).items()})


def filled(text: str, values: Mapping[str, str]) -> str:
    """Fill in the placeholders of an argument. Other braces, such as those of JSON, stay."""
    return re.sub(r"\{([A-Za-z_]+)\}", lambda match: values.get(match[1], match[0]), text)


def _locale(settings: Settings) -> Mapping[str, str]:
    """Return a locale with UTF-8 if a folder has other letters than ASCII. In a worker's locale C, Java made the folder `gr??e`."""
    return {} if f"{settings.checkpoints}{settings.bundles}".isascii() else {"LC_ALL": "C.UTF-8"}


def _submission(spec: JobSpec, name: str, arguments: Sequence[str], bundle: Path, path: Sequence[Path], settings: Settings) -> Submission:
    return Submission(
        name=name,
        application=str(bundle / spec.entry),
        arguments=arguments,
        conf={**spark_conf(settings), **spec.spark_conf},
        env={
            "PYTHONPATH": os.pathsep.join(map(str, path)),
            "PYSPARK_PYTHON": settings.driver_python,
            "PYSPARK_DRIVER_PYTHON": settings.driver_python,
            **_locale(settings),
            **spark_env(settings),
        },
        jars=[jar for jar in settings.spark_jars.split(",") if jar],
        driver_memory=spec.resources.driver_memory,
        executor_memory=spec.resources.executor_memory,
        executors=spec.resources.executors,
        cores=spec.resources.cores,
    )
