"""The settings: addresses of the services. From the environment (`WEIR_*`), else from `$WEIR_HOME/stack.json`, which `weir up` writes."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass, fields
from pathlib import Path

import spark_jobs
from weir.errors import BadSetting

PROJECT = Path(__file__).resolve().parents[2]
OWN_JOBS = Path(spark_jobs.__file__ or "").resolve().parent

OF_CASSANDRA = ("cassandra_user", "cassandra_password_file", "cassandra_tls", "cassandra_ca_file", "cassandra_cert_file",
                "cassandra_key_file", "driver_cassandra_user", "driver_cassandra_password_file")  # fmt: skip


def home() -> Path:
    """Return the state folder: `WEIR_HOME`, else `.weir` in the project."""
    return Path(os.environ.get("WEIR_HOME") or PROJECT / ".weir").resolve()


@dataclass(frozen=True)
class Settings:
    """Addresses of the services. The environment variable `WEIR_<FIELD>` overrides a field.

    `driver_kafka` is where drivers reach Kafka, empty for `kafka`. `checkpoints` is a URI or path that drivers and the supervisor both
    reach. `bundles` holds the deployed versions of the jobs' code.
    `jobs` are folders with a folder for each job, separated as in PATH; an empty one stands for Weir's own jobs.
    Names that end in `_file` are files on the machine that uses them; docs/security.md says who reads which. `driver_cassandra_user` is the
    drivers' own user, empty for `cassandra_user`.
    `log_format` is that of drivers' log lines, text or json.
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
    bundles: str = ""
    data_docs: str = ""
    jobs: str = ""
    rules: str = str(PROJECT / "rules")
    log_format: str = "text"

    @property
    def job_folders(self) -> tuple[Path, ...]:
        """Return the folders of `jobs`, in order."""
        return tuple(Path(folder) if folder else OWN_JOBS for folder in self.jobs.split(os.pathsep))

    @property
    def names_spark(self) -> bool:
        """Return whether Spark's address is set, and not only the default."""
        return "WEIR_SPARK_REST" in os.environ or (Path(self.home) / "stack.json").exists()

    @classmethod
    def load(cls) -> Settings:
        state = home()
        file = state / "stack.json"
        known = json.loads(file.read_text()) if file.exists() else {}
        if "WEIR_KAFKA" in os.environ:
            known.pop("driver_kafka", None)  # of the stack: a driver must not read from another Kafka than it is judged by
        if "WEIR_CASSANDRA_HOSTS" in os.environ:
            # Another server must not get the stack's login.
            known = {name: value for name, value in known.items() if name not in OF_CASSANDRA}
        values: dict[str, object] = {
            "home": str(state),
            "checkpoints": str(state / "checkpoints"),
            "bundles": str(state / "bundles"),
            "data_docs": str(state / "data_docs"),
        }
        for field in fields(cls):
            if field.name in known:
                values[field.name] = known[field.name]
            text = os.environ.get(f"WEIR_{field.name.upper()}")
            if text is not None and field.name != "home":
                values[field.name] = int(text) if field.type == "int" else _flag(field.name, text) if field.type == "bool" else text
        return cls(**values)  # type: ignore[arg-type]


def _flag(name: str, text: str) -> bool:
    """Parse a setting that is true or false. Raises BadSetting."""
    known = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False, "": False}
    if text.strip().lower() not in known:
        raise BadSetting(f"WEIR_{name.upper()} is {text!r}.", "Set it to true or false.")
    return known[text.strip().lower()]
