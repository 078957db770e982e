"""Plain jobs for the real stack: their folders, their topics, what they print, and the processes of their drivers."""

from __future__ import annotations

import importlib.util
import re
import shutil
import signal
import subprocess
import threading
import time
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import psutil

from weir.local import folder, jars, kafka, logs
from weir.local.part import java
from weir.local.spark import spark_home
from weir.sources.connection import client_options

from .conftest import Stack, until

SOURCES = Path(__file__).with_name("plain_jobs")
EXAMPLE = "examples/src/main/python/sql/streaming/structured_kafka_wordcount.py"  # in the pyspark wheel
SPEC = """\
name: {name}
output: plain
{program}
arguments: {arguments}
source: {{topic: {name}}}
resources: {{executors: 0, cores: 2, driver_memory: 600m}}
spark_conf: {{spark.sql.shuffle.partitions: 1}}  # 200 files of state a batch by default
health: {{ready_within: 240s, stalled_after: 40s}}
"""
TABLE = re.compile(r"^Batch: \d+$", re.MULTILINE)  # of Spark's console sink
PATIENCE_S = 420.0  # for a condition: at a load of 26 on two cores a driver planned its first batch after 124 s
SPAWNED_S = 10.0  # the worker's child is Java's own helper for a moment, before it becomes the driver
ROW = re.compile(r"^\| *(\S+) *\| *(\d+) *\|$", re.MULTILINE)


def spec(name: str, program: str, *arguments: str) -> str:
    return SPEC.format(name=name, program=program, arguments=list(arguments))


def word_count() -> str:
    """Spark's own example, with one line for its checkpoint, and the number of its arguments."""
    wheel = importlib.util.find_spec("pyspark")
    assert wheel is not None and wheel.origin
    example = (Path(wheel.origin).parent / EXAMPLE).read_text()
    code = example.replace("        .start()\n", "        .option('checkpointLocation', sys.argv[4])\\\n        .start()\n")
    assert len(code.splitlines()) == len(example.splitlines()) + 1
    return code.replace("len(sys.argv) != 4", "len(sys.argv) != 5")


def compile_java(source: Path, jar: Path) -> None:
    """Compile one class against Spark's jars: by Eclipse's compiler, which Cassandra needs too, so that a JRE will do."""
    compiler = next(known.path for known in jars.locked("cassandra") if ":ecj:" in known.coordinate)
    classes = jar.with_suffix("")
    command = [java(), "-jar", str(compiler), "-17", "-nowarn", "-d", str(classes), "-cp"]
    subprocess.run([*command, ":".join(map(str, (spark_home() / "jars").glob("*.jar"))), str(source)], check=True, timeout=120)
    with zipfile.ZipFile(jar, "w") as archive:
        for file in classes.rglob("*.class"):
            archive.write(file, file.relative_to(classes))
    shutil.rmtree(classes)


class PlainJob:
    """A plain job in a folder of its own, outside of Weir's package, and its topic."""

    def __init__(self, stack: Stack, name: str, text: str, files: Mapping[str, str] | None = None) -> None:
        self.stack, self.name = stack, name
        self.folder = stack.jobs / name
        self.folder.mkdir(parents=True, exist_ok=True)
        for file, content in (files or {}).items():
            (self.folder / file).write_text(content)
        (self.folder / "job.yaml").write_text(text)
        self._kafka = kafka.owner(folder.load(stack.home))
        self._create_topic()

    def _create_topic(self) -> None:
        from confluent_kafka.admin import NewTopic

        admin = kafka.admin(self._kafka)
        if self.name not in admin.list_topics(timeout=30).topics:
            admin.create_topics([NewTopic(self.name, num_partitions=2, replication_factor=1)])[self.name].result(30)
            until(lambda: self.name in admin.list_topics(timeout=30).topics, f"the topic {self.name}")

    def send(self, *lines: str) -> None:
        from confluent_kafka import Producer

        producer = Producer(client_options(self._kafka))
        for line in lines:
            producer.produce(self.name, line.encode())
        assert producer.flush(60) == 0

    def health(self) -> dict[str, Any]:
        found: dict[str, Any] = self.stack.json("health", self.name)
        return found

    def verdict(self) -> str:
        return str(self.health()["verdict"])

    def await_verdict(self, *wanted: str, seconds: float = PATIENCE_S) -> dict[str, Any]:
        """The first health that has one of the verdicts."""
        seen: list[str] = []

        def found() -> dict[str, Any] | None:
            health = self.health()
            seen[:] = [*seen, f"{health['verdict']}: {health['sentence']}"][-5:]
            return health if health["verdict"] in wanted else None

        try:
            return until(found, f"{self.name} is {' or '.join(wanted)}", seconds)  # type: ignore[no-any-return]
        except AssertionError as late:
            raise AssertionError(f"{late}; it was {seen}") from None

    def committed(self) -> int:
        """The newest committed batch of its one query, -1 for none."""
        found = (self.stack.home / "checkpoints" / self.name).glob("*/*/commits/*")
        return max((int(file.name) for file in found if file.name.isdecimal()), default=-1)

    def await_commit(self, after: int = -1, seconds: float = PATIENCE_S) -> None:
        """Wait for a batch later than `after`; not for one of a job that Weir has given up."""

        def there() -> bool:
            health = self.health()
            assert health["verdict"] not in ("crash_looping", "poisoned"), health["sentence"]
            return self.committed() > after

        until(there, f"{self.name} commits a batch after {after}", seconds)

    def query_id(self) -> str:
        """The identity of its query: a new checkpoint has another one."""
        (file,) = (self.stack.home / "checkpoints" / self.name).glob("*/*/metadata")
        return file.read_text()

    def printed(self) -> dict[str, int]:
        """The rows of the last table that its newest driver printed."""
        files = [file for file in logs.of_driver(self.stack.home, self.name) if file.name == "stdout"]
        tables = TABLE.split("".join(file.read_text(errors="replace") for file in files))[1:]
        return {word: int(count) for word, count in ROW.findall(tables[-1])} if tables else {}


class Drivers:
    """Looks at the processes of a job's drivers all along, by attempt: the JVM that a worker started, and all that it started."""

    def __init__(self, job: PlainJob) -> None:
        self._home, self._launched = str(job.stack.home), re.compile(rf"DriverWrapper .*--name weir:{job.name}:(\d+) ")
        self._known: dict[tuple[int, float], int] = {}
        self._stopping, self._thread = threading.Event(), threading.Thread(target=self._look_on, daemon=True)
        self.seen: set[int] = set()
        self.together: list[str] = []  # moments at which two attempts had processes

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join(10)

    def alive(self) -> dict[int, list[psutil.Process]]:
        """The processes by attempt."""
        found: dict[int, list[psutil.Process]] = {}
        by_pid: dict[int, int] = {}
        processes = sorted(psutil.process_iter(["pid", "ppid", "create_time", "status"]), key=lambda p: p.info["create_time"] or 0)
        for process in processes:
            attempt = self._attempt_of(process, by_pid)
            if attempt and process.info["status"] != psutil.STATUS_ZOMBIE:
                by_pid[process.pid] = attempt
                found.setdefault(attempt, []).append(process)
        return found

    def signal(self, attempt: int, number: signal.Signals) -> None:
        """Signal the JVM of an attempt. Its Python ends with it, unless that is stopped itself: then it stays, and does nothing."""
        self.alive()[attempt][0].send_signal(number)

    def _attempt_of(self, process: psutil.Process, by_pid: Mapping[int, int]) -> int:
        """0 for a process of somebody else. One whose parent has ended stays its attempt's."""
        key = process.pid, process.info["create_time"] or 0.0
        attempt = self._known.get(key, -1)
        if attempt < 0:
            attempt = by_pid.get(process.info["ppid"], 0) or self._launched_as(process)
            if attempt or time.time() - key[1] > SPAWNED_S:
                self._known[key] = attempt
        return attempt

    def _launched_as(self, process: psutil.Process) -> int:
        with suppress(psutil.Error, OSError):
            line = " ".join(process.cmdline())
            if self._home in line and (found := self._launched.search(line)):
                return int(found[1])
        return 0

    def _look_on(self) -> None:
        while not self._stopping.wait(0.25):
            there = self.alive()
            self.seen |= there.keys()
            if len(there) > 1:
                self.together.append(f"{time.time():.1f}: {[(a, [p.pid for p in of]) for a, of in sorted(there.items())]}")


def sampled(seconds: float) -> Iterator[None]:
    """Once a second for so long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
        time.sleep(1)


def words(counts: Mapping[str, int]) -> Iterable[str]:
    """Lines with so many of each word."""
    return (word for word, n in counts.items() for _ in range(n))
