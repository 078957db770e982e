"""The settings: addresses of the services. From the environment (`WEIR_*`), else from `$WEIR_HOME/stack.json`, which `weir up` writes."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import spark_jobs
from weir.errors import BadSetting
from weir.setting_rules import RULES, Value, code_path
from weir.system_errors import named, read_json

PACKAGE = Path(__file__).resolve().parent
CHECKOUT = PACKAGE.parents[1] if (PACKAGE.parents[1] / "pyproject.toml").is_file() else None
PROJECT = CHECKOUT or PACKAGE.parent  # the folder of the code: the checkout, or site-packages
OWN_JOBS = Path(spark_jobs.__file__ or "").resolve().parent

OF_CASSANDRA = ("cassandra_user", "cassandra_password_file", "cassandra_tls", "cassandra_ca_file", "cassandra_cert_file",
                "cassandra_key_file", "driver_cassandra_user", "driver_cassandra_password_file")  # fmt: skip


def carried(folder: str) -> Path:
    """Return a folder that comes with Weir: `dags`, `rules` or `samples`. In a checkout the package has links to them."""
    return (PACKAGE / folder).resolve()


def as_uri(place: str) -> str:
    """Return the URI of a path; a URI as it is."""
    return f"file://{place}" if place.startswith("/") else place


def home() -> Path:
    """Return the state folder: `WEIR_HOME`, else `.weir` in the checkout; without one, in the user's home. Raises BadSetting."""
    text = os.environ.get("WEIR_HOME") or str(CHECKOUT / ".weir" if CHECKOUT else os.path.expanduser("~/.weir"))  # noqa: PTH111 - "~" stays if nobody knows
    whole = text if text.startswith(("/", "~")) or text != text.strip() else str(Path.cwd() / text)
    return Path(str(_checked("WEIR_HOME", code_path, whole))).resolve()


@dataclass(frozen=True)
class Settings:
    """Addresses of the services. The environment variable `WEIR_<FIELD>` overrides a field.

    `driver_kafka` is where drivers reach Kafka, empty for `kafka`. `checkpoints` is a URI or path that drivers and the supervisor both
    reach. `event_logs` is where Spark's event logs go, empty for none. `hdfs_...` and `s3_...` are how both of them reach such a store, as
    docs/stores.md says. `bundles`, a path or URI, holds the deployed versions of the jobs' code.
    `jobs` are folders with a folder for each job, separated as in PATH; an empty one stands for Weir's own jobs.
    Names that end in `_file` are files on the machine that uses them; docs/security.md says who reads which. `driver_cassandra_user` is the
    drivers' own user, empty for `cassandra_user`.
    `log_format` is that of drivers' log lines, text or json.
    `kafka_security`, `kafka_mechanism` and the files are those of `KafkaAddress`. `driver_kafka_user` is the drivers' own login, and
    `ingest_kafka_user` that of `weir ingest`; empty for `kafka_user`. Files hold the secrets, and no setting does.
    """

    home: str
    kafka: str = "127.0.0.1:9092"
    driver_kafka: str = ""
    cassandra_hosts: str = "127.0.0.1"
    cassandra_port: int = 9042
    cassandra_datacenter: str = "datacenter1"
    cassandra_keyspace: str = "weir"
    cassandra_user: str = ""
    cassandra_password_file: str = ""
    cassandra_tls: bool = False
    cassandra_ca_file: str = ""
    cassandra_cert_file: str = ""
    cassandra_key_file: str = ""
    driver_cassandra_user: str = ""
    driver_cassandra_password_file: str = ""
    spark_conn_id: str = "spark_default"
    spark_master: str = "spark://127.0.0.1:7077"
    spark_rest: str = "http://127.0.0.1:6066"
    spark_ui: str = ""
    spark_jars: str = ""
    driver_python: str = sys.executable
    airflow_url: str = "http://127.0.0.1:8080"
    checkpoints: str = ""
    event_logs: str = ""
    hdfs_web: str = ""
    hdfs_user: str = ""
    s3_endpoint: str = ""
    s3_region: str = ""
    s3_path_style: bool = False
    s3_credentials_file: str = ""
    bundles: str = ""
    data_docs: str = ""
    jobs: str = ""
    rules: str = str(carried("rules"))
    log_format: str = "text"
    kafka_security: str = "PLAINTEXT"
    kafka_mechanism: str = ""
    kafka_user: str = ""
    kafka_password_file: str = ""
    kafka_ca_file: str = ""
    kafka_cert_file: str = ""
    kafka_key_file: str = ""
    kafka_token_url: str = ""
    kafka_client_id: str = ""
    kafka_client_secret_file: str = ""
    driver_kafka_user: str = ""
    driver_kafka_password_file: str = ""
    ingest_kafka_user: str = ""
    ingest_kafka_password_file: str = ""

    @property
    def job_folders(self) -> tuple[Path, ...]:
        """Return the folders of `jobs`, in order."""
        return tuple(Path(folder) if folder else OWN_JOBS for folder in self.jobs.split(os.pathsep))

    @property
    def object_store_region(self) -> str:
        """Return the region of the object store; empty if its client looks for it. A store with an endpoint of its own takes any."""
        return self.s3_region or ("us-east-1" if self.s3_endpoint else "")

    @property
    def names_spark(self) -> bool:
        """Return whether Spark's address is set, and not only the default."""
        return "WEIR_SPARK_REST" in os.environ or (Path(self.home) / "stack.json").exists()

    @classmethod
    def load(cls) -> Settings:
        """Return the settings, each checked by its rule. Raises BadSetting, which names the setting.

        Files that a setting names are read where they are needed: not every process may read secrets, and DAGs are parsed without them.
        """
        state = home()
        file = state / "stack.json"
        known = read_json(file)
        if os.environ.get("WEIR_KAFKA", known.get("kafka")) != known.get("kafka"):
            # What the stack says is of another Kafka: a driver must not read from one and be judged by the other.
            known = {name: value for name, value in known.items() if "kafka" not in name}
        if "WEIR_CASSANDRA_HOSTS" in os.environ:
            # Another server must not get the stack's login.
            known = {name: value for name, value in known.items() if name not in OF_CASSANDRA}
        names = [field.name for field in fields(cls) if field.name != "home"]
        values: dict[str, Any] = {name: str(state / name) for name in ("checkpoints", "bundles", "data_docs")}
        values |= {name: _checked(source, RULES[name], text) for name, source, text in _given(names, known, file)}
        return cls(home=str(state), **values)


def _given(names: list[str], known: Mapping[str, Any], file: Path) -> Iterator[tuple[str, str, str]]:
    """Yield what was set: the name of the setting, where it was set, and its text."""
    for name in names:
        variable = f"WEIR_{name.upper()}"
        if variable in os.environ:
            yield name, variable, os.environ[variable]
        elif name in known:
            yield name, f"{name} in {file}", str(known[name])


def _checked(source: str, rule: Any, text: str) -> Value:
    try:
        value: Value = rule(text)
    except ValueError as error:
        fault, _, cure = str(error).rpartition(". ")
        shown = f" ({text[:200]!r})" if text and "@" not in text else ""  # an address may have a password in it
        raise BadSetting(f"{source}{shown} {fault}.", f"{cure}.") from None
    return value


def check_file(source: str, file: str) -> None:
    """Check a file that a setting names. Raises BadSetting."""
    try:
        with Path(file).open("rb"):
            return
    except FileNotFoundError:
        raise BadSetting(f"{source}: there is no file {file}.", "Create it, or correct the path.") from None
    except IsADirectoryError:
        raise BadSetting(f"{source}: {file} is a folder.", "Name the file in it.") from None
    except OSError as error:
        why = (
            f"{named(os.geteuid())} may not read {file}"
            if isinstance(error, PermissionError)
            else f"{file} cannot be read: {error.strerror}"
        )
        raise BadSetting(f"{source}: {why}.", "Give this user the right to read it, and nobody else.") from None
