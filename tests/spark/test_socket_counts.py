"""The job `socket_counts` reads a real socket: an error in each of two batches is 1, 2, 2, 1, 0 by window."""

from __future__ import annotations

import re
import shlex
import sys
import time
from pathlib import Path

import spark_jobs.catalogue.socket_counts.job as job
from tests.parts import until
from tests.sender import Sender
from tests.spark.conftest import CONF
from tests.spark.processes import started

SLIDE_S = 3  # a batch that takes longer than two slides leaves out a window
ROW = re.compile(r"^\|.*\| *(\d+) *\| *(\d+) *\|$", re.MULTILINE)  # start, end, errors of the batch, errors of the window


def test_windows_of_a_socket(tmp_path: Path) -> None:
    conf = shlex.join([part for name, value in CONF.items() for part in ("--conf", f"{name}={value}")])
    lengths = ["--window", str(3 * SLIDE_S), "--slide", str(SLIDE_S)]
    with Sender() as sender:
        command = [sys.executable, str(job.__file__), "127.0.0.1", str(sender.port), str(tmp_path / "checkpoint"), *lengths]
        with started(command, tmp_path / "log", {"PYSPARK_SUBMIT_ARGS": f"{conf} pyspark-shell"}):

            def printed() -> list[tuple[int, int]]:
                return [(int(batch), int(window)) for batch, window in ROW.findall((tmp_path / "log").read_text())]

            sender.await_connection()
            until(lambda: len(printed()) >= 2, "batches without lines are printed")
            for _ in range(2):
                await_slide()
                sender.send("[Tue Dec 01 10:00:00 2026] [core:error] disk full")
                sender.send("[Tue Dec 01 10:00:00 2026] [core:notice] an error that is none")
            batches_and_windows = [(1, 1), (1, 2), (0, 2), (0, 1), (0, 0)]
            until(lambda: contains(printed(), batches_and_windows), f"1, 2, 2, 1, 0 are printed: {printed()}", 120)


def await_slide() -> None:
    """Wait until a slide has just begun, for there is time then to send a line in it."""
    before = time.time() // SLIDE_S
    until(lambda: time.time() // SLIDE_S > before, "the next slide")


def contains(found: list[tuple[int, int]], wanted: list[tuple[int, int]]) -> bool:
    return any(found[n : n + len(wanted)] == wanted for n in range(len(found)))
