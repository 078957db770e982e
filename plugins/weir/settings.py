"""The settings: addresses of the services. From the environment (`WEIR_*`), else from `$WEIR_HOME/stack.json`, which `weir up` writes."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass, fields
from pathlib import Path

import spark_jobs

PROJECT = Path(__file__).resolve().parents[2]
OWN_JOBS = Path(spark_jobs.__file__ or "").resolve().parent


def home() -> Path:
    """Return the state folder: `WEIR_HOME`, else `.weir` in the project."""
    return Path(os.environ.get("WEIR_HOME") or PROJECT / ".weir").resolve()


@dataclass(frozen=True)
class Settings:
    """Addresses of the services. The environment variable `WEIR_<FIELD>` overrides a field.

    `driver_kafka` is where drivers reach Kafka, empty for `kafka`. `checkpoints` is a URI or path that drivers and the supervisor both
    reach. `bundles` holds the deployed versions of the jobs' code.
    `jobs` are folders with a folder for each job, separated as in PATH; an empty one stands for Weir's own jobs.
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
    def names_spark(self) -> bool:
        """Return whether Spark's address is set, and not only the default."""
        return "WEIR_SPARK_REST" in os.environ or (Path(self.home) / "stack.json").exists()

    @classmethod
    def load(cls) -> Settings:
        state = home()
        file = state / "stack.json"
        known = json.loads(file.read_text()) if file.exists() else {}
        if os.environ.get("WEIR_KAFKA", known.get("kafka")) != known.get("kafka"):
            # What the stack says is of another Kafka: a driver must not read from one and be judged by the other.
            known = {name: value for name, value in known.items() if "kafka" not in name}
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
                values[field.name] = int(text) if field.type == "int" else text
        return cls(**values)  # type: ignore[arg-type]
