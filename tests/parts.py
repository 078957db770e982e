"""Single parts of the embedded stack for tests: real servers on ports of their own, in a folder of their own, gone afterwards."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from weir.local import cassandra, folder, jars, kafka, ports, postgres, secrets
from weir.local.part import Part, Stack
from weir.local.process import Child, await_ready, last_lines
from weir.local.rehearse import command
from weir.local.spark import driver_env, driver_jars, spark_home
from weir.ports.cluster import Submission
from weir.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

MODULES: dict[str, ModuleType] = {"kafka": kafka, "cassandra": cassandra, "postgres": postgres}


@contextlib.contextmanager
def running(home: Path, *names: str) -> Iterator[Settings]:
    """Start the named parts; Settings that lead to them."""
    stack = new_stack(home)
    with running_stack(stack, *_parts(stack, names)):
        yield Settings(
            home=str(home), kafka=stack.address("kafka"), cassandra_port=stack.ports["cassandra"], data_docs=str(home / "data_docs")
        )


def configured_secure(home: Path) -> Stack:
    """A stack with TLS and login, that is not started."""
    os.environ[folder.SECURE] = "1"
    try:
        return folder.configure(home, lambda _: None)
    finally:
        del os.environ[folder.SECURE]


@contextlib.contextmanager
def secure(home: Path, *names: str) -> Iterator[tuple[Stack, Settings]]:
    """Start the named parts with TLS and login; the stack, and Settings that lead to it."""
    stack = configured_secure(home)
    with running_stack(stack, *_parts(stack, names)):
        yield stack, Settings(home=str(home), **folder.addresses(stack))  # type: ignore[arg-type]


class Server:
    """One part that a test starts, kills and starts again, with its data and at its address."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self._child: Child | None = None

    def start(self) -> None:
        self.part.prepare()
        self._child = Child.start(self.part.command, self.part.log, self.part.env, self.part.cwd)
        reason = await_ready(self._child, self.part.probe, self.part.ready_s, _pause)
        assert not reason, f"{self.part.name}: {reason}\n{last_lines(self.part.log)}"

    def kill(self) -> None:
        """End it with all its processes, as a power cut does."""
        assert self._child
        self._child.kill_group()

    def stop(self) -> None:
        if self._child:
            self._child.stop(self.part.stop_signal, self.part.stop_s)


def running_stack(stack: Stack, *parts: Part) -> contextlib.AbstractContextManager[None]:
    """Start parts of a stack."""
    return part_of(*parts)


@contextlib.contextmanager
def local_spark(conf: Mapping[str, str]) -> Iterator[SparkSession]:
    """Start a Spark in a JVM of its own, and end both.

    PySpark keeps the JVM of a session that has ended for the next one, whose class path it lacks: 'JavaPackage' object is not callable.
    """
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    builder: Any = SparkSession.builder.master("local[2]")
    for name, value in conf.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    yield session
    session.stop()
    gateway: Any = SparkContext._gateway
    SparkContext._gateway = SparkContext._jvm = None
    gateway.shutdown()
    gateway.proc.stdin.close()  # its JVM waits for this
    gateway.proc.wait(60)


def new_stack(home: Path) -> Stack:
    """A stack in plain text, that is not started.

    Each process of the tests has ports of its own. Else a stack that starts meanwhile could take the port of a server that is killed.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw7").removeprefix("gw"))
    wanted = {name: usual + 1000 * (worker + 1) for name, usual in ports.WANTED.items()}
    return Stack(home, ports.choose(home, wanted, frozenset())[0], secrets.load_or_create(home))


def _parts(stack: Stack, names: Iterable[str]) -> list[Part]:
    for name in names:
        if name != "postgres":
            jars.class_path(name)
    return [MODULES[name].part(stack) for name in names]


@contextlib.contextmanager
def part_of(*parts: Part) -> Iterator[None]:
    """Start parts, and wait until all are ready."""
    with contextlib.ExitStack() as running_parts:
        started = [running_parts.enter_context(_started(part)) for part in parts]
        for part, child in started:
            reason = await_ready(child, part.probe, part.ready_s, _pause)
            assert not reason, f"{part.name}: {reason}\n{last_lines(part.log)}"
        yield


@contextlib.contextmanager
def _started(part: Part) -> Iterator[tuple[Part, Child]]:
    part.prepare()
    child = Child.start(part.command, part.log, part.env, part.cwd)
    try:
        yield part, child
    finally:
        child.stop(part.stop_signal, part.stop_s)


def _pause(seconds: float) -> bool:
    time.sleep(seconds)
    return False


def driver_command(submission: Submission) -> list[str]:
    """Return the command of a driver. The jars of Spark's Kafka source are there: `weir up` downloads them, which no single part does."""
    driver_jars()
    return command(submission, spark_home())


def start_driver(stack: Stack, submission: Submission, log: Path) -> subprocess.Popen[bytes]:
    """Start a driver as a worker of Spark's starts it."""
    with log.open("wb") as output:
        return subprocess.Popen(
            driver_command(submission),
            env={**driver_env(stack), **submission.env},
            cwd=stack.folder("spark"),
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def until(condition: Callable[[], Any], what: str, seconds: float = 600) -> Any:
    """Wait for a condition and return what it returned."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.2)
    return answer


def make_topic(settings: Settings, topic: str, partitions: int = 4) -> None:
    """A topic as `weir up` makes it."""
    from confluent_kafka.admin import AdminClient, NewTopic

    client = AdminClient({"bootstrap.servers": settings.kafka})
    config = {"message.timestamp.type": "LogAppendTime", "max.message.bytes": str(kafka.MAX_MESSAGE)}
    client.create_topics([NewTopic(topic, partitions, 1, config=config)])[topic].result(30)
