"""`python -m spark_jobs.catalogue.windows` runs an operation over a folder, a topic and a socket, and prints what it gives."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.parts import make_topic, running, until
from tests.sender import Sender
from tests.spark.conftest import CONF
from tests.spark.processes import started
from tests.spark.window_events import BATCHES, END, write

RUN = (sys.executable, "-m", "spark_jobs.catalogue.windows")
WITHIN_S = 300


@contextmanager
def runner(home: Path, *arguments: str) -> Iterator[Path]:
    """Run an operation, and yield the file that it prints to."""
    conf = shlex.join([part for name, value in CONF.items() for part in ("--conf", f"{name}={value}")])
    with started([*RUN, *arguments], home / "log", {"PYSPARK_SUBMIT_ARGS": f"{conf} pyspark-shell"}):
        yield home / "log"


def await_rows(log: Path, *rows: str) -> None:
    """Wait until each row is printed. A cell may have any blanks around it."""

    def printed() -> bool:
        found = {re.sub(r" *\| *", "|", line) for line in log.read_text().splitlines() if line.startswith("|")}
        return found.issuperset(rows)

    until(printed, f"{rows} are printed: {log.read_text()[-2000:]}", WITHIN_S)


def test_a_folder(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", (*BATCHES, END)).as_uri()
    with runner(tmp_path, "map_with_state", folder, "--trigger", "availableNow") as log:
        await_rows(log, "|web|2|false|", "|web|2|true|", "|shop|0|true|")


def test_a_topic(tmp_path: Path) -> None:
    from confluent_kafka import Producer

    with running(tmp_path / "kafka", "kafka") as settings:
        make_topic(settings, "lines", 2)
        producer = Producer({"bootstrap.servers": settings.kafka})
        for lines in BATCHES:
            for _, value in lines:
                producer.produce("lines", value.encode())
        assert producer.flush(60) == 0
        with runner(tmp_path, "update_state_by_key", f"kafka://{settings.kafka}/lines", "--trigger", "availableNow") as log:
            await_rows(log, "|web|2|", "|shop|0|")


def test_a_socket(tmp_path: Path) -> None:
    with Sender() as sender, runner(tmp_path, "update_state_by_key", f"socket://127.0.0.1:{sender.port}", "--trigger", "1 second") as log:
        sender.await_connection()
        sender.send("web error 250")
        await_rows(log, "|web|1|")
        sender.send("web error 80")
        await_rows(log, "|web|2|")
