"""Build the submission of a driver from its spec and arguments. Pure."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from spark_jobs.runtime import logs
from spark_jobs.runtime.contract import JobArguments
from spark_jobs.runtime.kafka_address import KafkaAddress, java_options
from weir.addresses import driver_kafka_address
from weir.file_stores import spark_conf, spark_env
from weir.jobs.packed import FOLDER, UNPACK, archive, is_packed
from weir.jobs.spec import JobSpec, PlainSpec
from weir.ports.attempts import AttemptRow
from weir.ports.cluster import Submission
from weir.settings import Settings
from weir.supervise.judge.restart import starved

PY_FILES = "spark.submit.pyFiles"
# Spark's YARN client asks the local file system for its scheme. RawLocalFileSystem does not implement that, so every submission failed.
LOCAL_FILES = "spark.hadoop.fs.file.impl"
CLASS_PATHS = ("spark.driver.extraClassPath", "spark.executor.extraClassPath")


def enlarged(spec: JobSpec, attempts: Sequence[AttemptRow]) -> JobSpec:
    """Return the spec, with its larger memory if an attempt since the last deploy ran out of the usual one. `attempts` are newest first."""
    if spec.restart.larger_memory is None or not starved(attempts):
        return spec
    return spec.model_copy(update={"resources": spec.resources.model_copy(update={"driver_memory": spec.restart.larger_memory})})


def submission(spec: JobSpec, args: JobArguments, code: str, settings: Settings) -> Submission:
    """Return the submission of a driver that uses the runtime. `code` is the place of its version: a folder, or the URI of a packed one."""
    name = f"weir:{spec.name}:{'standby' if args.standby else args.attempt}"
    found = _submission(spec, name, args.to_argv(), code, [""], settings)
    return replace(found, env={**found.env, logs.FORMAT: settings.log_format})


def plain_submission(spec: PlainSpec, attempt: int, version: str, checkpoint: str, code: str, settings: Settings) -> Submission:
    """Return the submission of a plain job. Driver and executors find the modules beside the script."""
    folder = f"{code}/{spec.folder}"
    kafka = driver_kafka_address(settings)
    values = {
        "checkpoint": checkpoint,
        "kafka": kafka.servers,
        "kafka_options": spark_options(kafka),
        "topic": ",".join(spec.source.names),
        "pattern": spec.source.pattern,
        "job": spec.name,
        "version": version,
        "folder": FOLDER if is_packed(code) and not spec.main_class else folder,  # unpack.py fills in what it has unpacked
    }
    arguments = [filled(text, values) for text in spec.arguments]
    found = _submission(spec, f"weir:{spec.name}:{attempt}", arguments, code, [spec.folder, ""], settings)
    jars = [jar if ":" in jar or jar.startswith("/") else f"{folder}/{jar}" for jar in spec.jars]
    return replace(found, jars=[*found.jars, *jars])


def spark_options(kafka: KafkaAddress) -> str:
    """Return the options of Spark's Kafka source for an address, as JSON: with TLS and login, and without secrets."""
    return json.dumps({f"kafka.{name}": value for name, value in java_options(kafka).items()})


def filled(text: str, values: Mapping[str, str]) -> str:
    """Fill in the placeholders of an argument. Other braces, such as those of JSON, stay."""
    return re.sub(r"\{([A-Za-z_]+)\}", lambda match: values.get(match[1], match[0]), text)


def _locale(settings: Settings) -> Mapping[str, str]:
    """Return a locale with UTF-8 if a folder has other letters than ASCII. In a worker's locale C, Java made the folder `gr??e`."""
    return {} if f"{settings.checkpoints}{settings.bundles}".isascii() else {"LC_ALL": "C.UTF-8"}


def _program(spec: JobSpec, arguments: Sequence[str], code: str, path: Sequence[str]) -> Submission:
    """Return what is run and with which code: the places below `code`, from which Python imports, are `path`."""
    main_class = spec.main_class if isinstance(spec, PlainSpec) else ""
    asked = Submission("", f"{code}/{spec.main}", arguments, {}, {}, main_class=main_class)
    if not is_packed(code):
        return replace(asked, env={"PYTHONPATH": os.pathsep.join(f"{code}/{place}".rstrip("/") for place in path)})
    if main_class:
        return asked
    archives = [f"{code}/{archive(place)}" for place in path]
    others = [file for file in spec.spark_conf.get(PY_FILES, "").split(",") if file]  # --py-files would hide them
    start = [path[0] or ".", spec.main, *arguments]
    return replace(asked, application=f"{code}/{UNPACK.name}", arguments=start, py_files=[*archives, *others])


def _class_path(jars: Sequence[str], conf: Mapping[str, str]) -> Mapping[str, str]:
    """Return the settings by which driver and executors can read from a store: they download code before they look at `--jars`."""
    paths = [where.path for where in map(urlsplit, jars) if where.scheme in ("", "file", "local")]
    return {name: os.pathsep.join([conf[name], *paths] if name in conf else paths) for name in CLASS_PATHS} if paths else {}


def _conf(spec: JobSpec) -> Mapping[str, str]:
    """Return the spec's `spark_conf` without what its cluster cannot use."""
    asks_for_scheme = spec.cluster == "yarn" and spec.spark_conf.get(LOCAL_FILES, "").endswith(".RawLocalFileSystem")
    return {name: value for name, value in spec.spark_conf.items() if name != LOCAL_FILES or not asks_for_scheme}


def _submission(spec: JobSpec, name: str, arguments: Sequence[str], code: str, path: Sequence[str], settings: Settings) -> Submission:
    program, jars = _program(spec, arguments, code, path), [jar for jar in settings.spark_jars.split(",") if jar]
    return replace(
        program,
        name=name,
        conf={**spark_conf(settings), **_conf(spec), **(_class_path(jars, spec.spark_conf) if is_packed(code) else {})},
        env={
            **program.env,
            "PYSPARK_PYTHON": settings.driver_python,
            "PYSPARK_DRIVER_PYTHON": settings.driver_python,
            **_locale(settings),
            **spark_env(settings),
        },
        jars=jars,
        driver_memory=spec.resources.driver_memory,
        executor_memory=spec.resources.executor_memory,
        executors=spec.resources.executors,
        cores=spec.resources.cores,
    )
