"""Images under the tags of those that cannot be pulled, from Debian's packages and the locked jars.

A stand-in has the user, the paths and the variables of the real image as far as docker-compose.yml uses them.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.compose.docker import Docker
from weir.local import cassandra, jars, kafka

FOLDER = Path(__file__).with_name("images")
# folder: (image, its version in .env, what is in it)
STAND_INS = {
    "kafka": ("apache/kafka", "KAFKA_VERSION", "the same version, from the locked jars"),
    "cassandra": ("cassandra", "CASSANDRA_VERSION", "the same version, from the locked jars; without cqlsh and nodetool"),
    "postgres": ("postgres", "POSTGRES_VERSION", "PostgreSQL 15 of Debian 12"),
    "prometheus": ("prom/prometheus", "PROMETHEUS_VERSION", "Prometheus 2.42 of Debian 12"),
    "alertmanager": ("prom/alertmanager", "ALERTMANAGER_VERSION", "Alertmanager 0.25 of Debian 12"),
    "mailpit": ("axllent/mailpit", "MAILPIT_VERSION", "aiosmtpd of Debian 12"),
}


def tags(env: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Yield folder, tag and content of each stand-in."""
    for name, (image, version, content) in STAND_INS.items():
        yield name, f"{image}:{env[version]}", content


def build(docker: Docker, base: str, env: Mapping[str, str]) -> None:
    for name, tag, _ in tags(env):
        with tempfile.TemporaryDirectory() as context:
            shutil.copytree(FOLDER / name, context, dirs_exist_ok=True)
            _add_java(name, Path(context))
            docker("build", "--quiet", "--build-arg", f"BASE={base}", "-t", tag, context)


def _add_java(name: str, context: Path) -> None:
    if name not in jars.ROOTS:
        return
    (context / "libs").mkdir()
    for jar in jars.class_path(name):
        shutil.copy(jar, context / "libs")
    if name == "kafka":
        (context / "log4j2.properties").write_text(kafka.LOG4J)
        return
    (context / "logback.xml").write_text(cassandra.LOGBACK)
    opens = [f"--add-opens={module}=ALL-UNNAMED" for module in cassandra.OPENS]
    exports = [f"--add-exports={module}=ALL-UNNAMED" for module in cassandra.EXPORTS]
    own = ["-Djdk.attach.allowAttachSelf=true", "-Dio.netty.tryReflectionSetAccessible=true"]
    (context / "jvm.options").write_text("\n".join([*opens, *exports, *own, ""]))
