"""Spark standalone from the pyspark wheel: a master that keeps its drivers across restarts, and a worker."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import os
import re
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

from weir.local import class_archive, jars, native
from weir.local.part import IPV4, LOOPBACK, Part, Stack, connect, get_json, java, properties, told

# Advertised, not measured: a driver waits for input most of the time. Two drivers of error_counts (old and new) must fit beside two jobs
# with the default resources of a spec, which take 3 cores and 1.8 GiB each.
CORES = 8
MEMORY = "6g"
JVM = ("-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")
# Spark's own list for Java 17 (JavaModuleOptions).
OPENS = (
    "java.base/java.lang", "java.base/java.lang.invoke", "java.base/java.lang.reflect", "java.base/java.io",
    "java.base/java.net", "java.base/java.nio", "java.base/java.util", "java.base/java.util.concurrent",
    "java.base/java.util.concurrent.atomic", "java.base/jdk.internal.ref", "java.base/sun.nio.ch", "java.base/sun.nio.cs",
    "java.base/sun.security.action", "java.base/sun.util.calendar", "java.security.jgss/sun.security.krb5",
)  # fmt: skip


# MLlib makes each new Spark session register functions, which loads all of Scala's reflection: two seconds of a driver's start.
LEFT_OUT = "spark-mllib_*"
# The compiler of Spark's generated code. A JVM does not archive classes of signed jars, so these are copied without their signatures.
SIGNED = ("janino-*", "commons-compiler-*")
SIGNATURE = re.compile(r"META-INF/[^/]*\.(SF|RSA|DSA|EC)")


@functools.cache
def spark_home() -> Path:
    """Return the SPARK_HOME of this stack: links to the pyspark wheel's jars except LEFT_OUT, to those of Spark's Kafka source,
    and to the native engine. A driver copies none of these jars at its start, and their classes are archived. Does not import pyspark.
    Raises FileNotFoundError if it is not installed, StackFailed if the engine cannot be compiled."""
    chosen = [*_wheel(), *driver_jars()]
    digest = hashlib.sha256("\n".join(sorted(map(str, chosen))).encode()).hexdigest()[:8]
    home = class_archive.place() / f"spark-{version('pyspark')}-{digest}"
    if not home.exists():
        _gather(chosen, home)
    return home


def driver_jars() -> list[Path]:
    """Return the jars that a driver needs beside those of the pyspark wheel: Spark's Kafka source, and the native engine. Downloads what is
    missing. Raises as `spark_home` does."""
    source = jars.class_path("spark")
    return [*source, native.jar([*_wheel(), *source])]


def _wheel() -> list[Path]:
    found = importlib.util.find_spec("pyspark")
    if found is None or not found.origin:
        raise FileNotFoundError("pyspark is not installed")
    return [jar for jar in (Path(found.origin).parent / "jars").glob("*.jar") if not jar.match(LEFT_OUT)]


def _gather(chosen: Iterable[Path], home: Path) -> None:
    """Create the folder with links to jars, in one step, since several processes of a stack may do so at the same time."""
    new = Path(tempfile.mkdtemp(prefix=f"{home.name}.", dir=home.parent))
    new.chmod(0o755)  # several users may share an installation
    (new / "jars").mkdir()
    for jar in chosen:
        if any(map(jar.match, SIGNED)):
            _copy_unsigned(jar, new / "jars" / jar.name)
        else:
            (new / "jars" / jar.name).symlink_to(jar)
    try:
        new.rename(home)
    except OSError:  # another one was first
        shutil.rmtree(new)


def _copy_unsigned(jar: Path, to: Path) -> None:
    with zipfile.ZipFile(jar) as signed, zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as copy:
        for entry in signed.infolist():
            if not SIGNATURE.fullmatch(entry.filename):
                copy.writestr(entry, signed.read(entry))


def master_url(stack: Stack) -> str:
    return f"spark://{stack.address('spark_master')}"


def master(stack: Stack) -> Part:
    arguments = ("--host", LOOPBACK, "--port", str(stack.ports["spark_master"]), "--webui-port", str(stack.ports["spark_master_ui"]))
    return Part(
        name="spark-master",
        address=stack.address("spark_master"),
        command=(*daemon(stack, "master"), "org.apache.spark.deploy.master.Master", *arguments, *_properties(stack)),
        env=daemon_env(stack),
        log=stack.log("spark-master"),
        probe=told(lambda: _master_probe(stack)),
        prepare=lambda: _prepare(stack),
        ready_s=180,
        stop_s=10,
        cwd=stack.folder("spark"),
    )


def worker(stack: Stack) -> Part:
    arguments = (
        "--host", LOOPBACK, "--port", str(stack.ports["spark_worker"]), "--webui-port", str(stack.ports["spark_worker_ui"]),
        "--cores", str(CORES), "--memory", MEMORY, "--work-dir", str(stack.folder("spark/work")),
    )  # fmt: skip
    return Part(
        name="spark-worker",
        address=stack.address("spark_worker"),
        command=(*daemon(stack, "worker"), "org.apache.spark.deploy.worker.Worker", *arguments, *_properties(stack), master_url(stack)),
        env=daemon_env(stack),
        log=stack.log("spark-worker"),
        probe=told(lambda: _worker_probe(stack)),
        prepare=lambda: _prepare(stack),
        after=("spark-master",),  # a worker that starts before the master tries again only after 5 to 15 s
        ready_s=180,
        stop_s=25,  # its SIGTERM ends the drivers, and they land or leave the batch they are in
        cwd=stack.folder("spark"),
    )


def daemon(stack: Stack, role: str) -> tuple[str, ...]:
    """Return the java command. Not spark-class, which starts a JVM to build a command line, and whose shell would be the watched pid."""
    opens = (f"--add-opens={name}=ALL-UNNAMED" for name in OPENS)
    log4j = stack.home / "spark" / "conf" / "log4j2-daemon.properties"
    return (java(), *JVM, *opens, f"-Dlog4j2.configurationFile={log4j.as_uri()}", f"-Dweir.part=spark-{role}")


def _properties(stack: Stack) -> tuple[str, str]:
    return "--properties-file", str(stack.home / "spark" / "conf" / "spark-daemon.conf")


def daemon_env(stack: Stack, *jars: str) -> dict[str, str]:
    """Return the environment of master, worker and History Server, with further jars on its class path."""
    return driver_env(
        stack,
        SPARK_SCALA_VERSION="2.13",  # else the worker looks for a source tree, and no driver starts
        CLASSPATH=os.pathsep.join([str(spark_home() / "jars" / "*"), *jars]),
    )


def driver_env(stack: Stack, **more: str) -> dict[str, str]:
    """Return the environment that every driver and executor inherits from the worker. A job's own settings belong in its spec. The settings
    are in the environment, since a settings file on the class path would keep the JVM from using its class archive."""
    spark = {
        "spark.driver.host": LOOPBACK,
        "spark.driver.bindAddress": LOOPBACK,
        "spark.ui.showConsoleProgress": "false",  # a bar drawn with carriage returns makes the log unreadable
        "spark.executorEnv.SPARK_LOCAL_IP": LOOPBACK,
    }
    properties = [f"-D{name}={value}" for name, value in spark.items()]
    log4j = f"-Dlog4j2.configurationFile={(stack.home / 'spark' / 'conf' / 'log4j2.properties').as_uri()}"
    return stack.env(
        SPARK_HOME=str(spark_home()),
        SPARK_CONF_DIR=str(class_archive.no_settings()),
        SPARK_LOCAL_IP=LOOPBACK,  # what the web pages of master, worker, drivers and executors bind to
        SPARK_LOCAL_HOSTNAME=LOOPBACK,
        SPARK_LOCAL_DIRS=str(stack.folder("spark/tmp")),
        JDK_JAVA_OPTIONS=" ".join([IPV4, log4j, class_archive.options(spark_home()), *properties]),
        PYSPARK_PYTHON=sys.executable,  # where drivers find the project's packages
        PYSPARK_DRIVER_PYTHON=sys.executable,
        **more,
    )


def _prepare(stack: Stack) -> None:
    conf = stack.folder("spark/conf")
    settings = {
        # Without it a restarted master tells the workers to kill drivers that it does not know.
        "spark.deploy.recoveryMode": "FILESYSTEM",
        "spark.deploy.recoveryDirectory": stack.folder("spark/recovery"),
        "spark.master.rest.enabled": "true",
        "spark.master.rest.host": LOOPBACK,  # it has no authentication
        "spark.master.rest.port": stack.ports["spark_rest"],
        # 60 s by default: a killed worker would hold its cores for a minute. But a worker that ends a hung driver sends no heartbeat for
        # 10 s (seen; two such drivers take it 20 s), and a master that gives it up for that lets all its other drivers be killed.
        "spark.worker.timeout": 30,
        # A worker that registers again while a restarted master still recovers is told to kill its drivers, which the master does not know
        # yet (seen on a busy machine, where recovery took 2 s). The recovered master contacts its workers by itself, so they try rarely.
        "spark.worker.initialRegistrationRetries": 1,
        "spark.deploy.retainedDrivers": 50,
        "spark.deploy.retainedApplications": 50,
        # The work folders of ended drivers: looked for every 10 minutes, kept for a day.
        "spark.worker.cleanup.enabled": "true",
        "spark.worker.cleanup.interval": 600,
        "spark.worker.cleanup.appDataTtl": 86_400,
        "spark.worker.ui.retainedDrivers": 20,
        "spark.worker.ui.retainedExecutors": 20,
    }
    (conf / "spark-daemon.conf").write_text(properties(settings))
    (conf / "log4j2.properties").write_text(LOG4J)
    prepare_logging(stack)


def prepare_logging(stack: Stack) -> None:
    """Write how master, worker and History Server log."""
    (stack.folder("spark/conf") / "log4j2-daemon.properties").write_text(LOG4J)


LOG4J = """\
rootLogger.level=info
rootLogger.appenderRef.out.ref=out
appender.out.type=Console
appender.out.name=out
appender.out.target=SYSTEM_ERR
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d{yyyy-MM-dd'T'HH:mm:ss.SSS} %p %c{1}: %m%n%ex
# One line a second for each batch, for months: what they say is in the ledger.
logger.batches.name=org.apache.spark.sql.execution.streaming
logger.batches.level=warn
logger.consumer.name=org.apache.kafka
logger.consumer.level=warn
logger.codegen.name=org.apache.spark.sql.catalyst.expressions.codegen
logger.codegen.level=warn
logger.scheduler.name=org.apache.spark.scheduler
logger.scheduler.level=warn
logger.executor.name=org.apache.spark.executor
logger.executor.level=warn
logger.storage.name=org.apache.spark.storage
logger.storage.level=warn
logger.kafkasource.name=org.apache.spark.sql.kafka010
logger.kafkasource.level=warn
logger.sparkcontext.name=org.apache.spark.SparkContext
logger.sparkcontext.level=warn
logger.jetty.name=org.sparkproject.jetty
logger.jetty.level=warn
"""


def _master_probe(stack: Stack) -> str:
    status = get_json(f"http://{stack.address('spark_master_ui')}/json/")["status"]
    if status != "ALIVE":
        return f"is {status.lower()}"
    connect(stack.ports["spark_rest"]).close()
    return ""


def _worker_probe(stack: Stack) -> str:
    """Check that the master lists the worker as alive."""
    own = stack.ports["spark_worker"]
    workers = get_json(f"http://{stack.address('spark_master_ui')}/json/")["workers"]
    return "" if any(w["port"] == own and w["state"] == "ALIVE" for w in workers) else "the master does not list it as alive"
