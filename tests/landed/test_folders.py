"""A folder of CSV files as a source of a landed job, on real servers: files arrive during kills, and the sink has each row once.

The oracle reads the files by itself. `make test-landed` runs this.
"""

from __future__ import annotations

import csv
import os
import random
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from spark_jobs import failpoint
from spark_jobs.protocol.read_files import unpacked
from tests.landed.rig import LandedRig, landed_rig
from tests.parts import until
from weir.errors import WeirError
from weir.supervise.judge.report import Verdict

pytestmark = [pytest.mark.stack, pytest.mark.skipif(not os.environ.get("WEIR_TEST_LANDED"), reason="make test-landed runs it")]
FILES, ROWS = 200, 25
POINTS = {"claim": -1, "write": 3, "land": 10}  # after which batch: before, at and after the first compact list of files
PATIENCE_S = 600.0
Rows = Counter[tuple[int, str]]


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LandedRig]:
    with landed_rig(tmp_path_factory.mktemp("folders"), "kafka", "cassandra") as found:
        yield found


class Filed:
    """A job that copies the rows of a folder's files into Parquet files."""

    def __init__(self, rig: LandedRig, name: str, most: int = 7, **more: object) -> None:
        self.rig, self.name, self.folder, self.target = rig, name, rig.stack.home / f"{name} in", rig.stack.home / f"{name}-out"
        self.folder.mkdir()
        options = {"header": True}
        files = {"path": str(self.folder), "format": "csv", "schema": "id long, text string", "options": options, "files_per_batch": most}
        sink = {"kind": "parquet", "path": self.target.as_uri()}
        rig.add(name, {"code": "filed", "sources": {"files": files, **more}, "sink": sink})

    def put(self, number: int, rows: int = ROWS) -> Path:
        """Let a file appear whole."""
        part, whole = self.folder / f".{number}.part", self.folder / f"day {number}.csv"
        part.write_text("id,text\n" + "".join(f'{number * 1000 + row},"a, {row}"\n' for row in range(rows)))
        return part.rename(whole)

    def truth(self) -> Rows:
        """Return the rows of all files, as Python's own reader has them."""
        found: Rows = Counter()
        for path in self.folder.glob("day *.csv"):
            with path.open(newline="") as file:
                found.update((int(row["id"]), row["text"]) for row in csv.DictReader(file))
        return found

    def landed(self) -> Rows:
        from spark_jobs.sinks.parquet_reader import NothingLanded, landed_table

        with suppress(NothingLanded):
            return Counter((row["id"], row["text"]) for row in landed_table(str(self.target)).to_pylist())

        return Counter()

    def await_exact(self, rows: Rows) -> None:
        """Wait until the sink has just these rows. It publishes a batch after the head has landed."""
        self.await_landed()
        until(lambda: self.landed() == rows, f"{self.name} has each row once", 30)

    def await_landed(self) -> None:
        until(self._drained, f"{self.name} has landed all: {self.rig.sentences[-4:]}", PATIENCE_S)

    def _drained(self) -> bool:
        with suppress(WeirError):  # a checkpoint that is being copied has no lists yet
            return self.rig.manager.wait_landed(self.name, 0) and self.rig.head(self.name).state == "landed"
        return False


def test_files_that_arrive_while_drivers_are_killed_are_in_the_sink_once(rig: LandedRig) -> None:
    job, rng, gaps = Filed(rig, "arriving"), random.Random(7), random.Random(8)
    arrived = threading.Event()  # once it is set, the other files arrive at once

    def arrive() -> None:
        for number in range(FILES):
            job.put(number)
            arrived.wait(gaps.uniform(0, 2))

    arriving = threading.Thread(target=arrive)
    arriving.start()
    try:
        failpoint.arm(rig.failpoints, next(iter(POINTS)), "kill")
        rig.deploy(job.name)
        for point, after in POINTS.items():
            until(lambda last=after: rig.head(job.name).batch_id >= last, f"batch {after}: {rig.sentences[-4:]}", PATIENCE_S)
            failpoint.arm(rig.failpoints, point, "kill")
            until(lambda at=point: failpoint.hit(rig.failpoints, at), f"{point} is reached: {rig.sentences[-4:]}", PATIENCE_S)
        for _ in range(2):
            pid, batch = int(until(lambda: rig.pid(job.name), "a driver has begun", PATIENCE_S)), rig.head(job.name).batch_id
            until(lambda last=batch: rig.head(job.name).batch_id > last or rng.random() < 0.01, "something happens", PATIENCE_S)
            if psutil.pid_exists(pid):
                os.kill(pid, signal.SIGKILL)
            until(lambda dead=pid: rig.pid(job.name) != dead, "the driver is gone", PATIENCE_S)
            job.put(10_000 + batch)
    finally:
        arrived.set()
        arriving.join()
    job.await_exact(job.truth())
    head, rows = rig.head(job.name), list(rig.store.ledger(job.name))
    assert head.epoch == 1 and head.attempt >= 5 and not head.stateful
    heads = [head, *rows] if rows[0].batch_id != head.batch_id else rows
    recorded = [file for one in heads for file in unpacked(one.files)]
    assert len(recorded) == len({file.path for file in recorded}) == len(list(job.folder.glob("day *.csv"))), "each file is of one batch"
    assert rig.manager.observe(job.name).lag == 0
    rig.stop(job.name)


def test_a_file_that_changed_after_its_batch_was_claimed_stops_the_job_by_name(rig: LandedRig) -> None:
    job = Filed(rig, "changing")
    first = job.put(1)
    failpoint.arm(rig.failpoints, "claim", "kill")
    rig.deploy(job.name)
    until(lambda: failpoint.hit(rig.failpoints, "claim"), "a batch is claimed", PATIENCE_S)
    known = first.stat()
    job.put(1, rows=3)
    os.utime(first, ns=(known.st_atime_ns, known.st_mtime_ns))  # Spark's own list tells no difference
    until(lambda: rig.manager.health(job.name).found is Verdict.FILES_CHANGED, f"it stops: {rig.sentences[-4:]}", PATIENCE_S)
    report = rig.manager.health(job.name)
    size = len(first.read_bytes())
    assert f"/day%201.csv had {known.st_size} bytes, and now has {size}" in report.sentence and "WEIR-327" in report.sentence
    assert not list(job.target.rglob("*.parquet"))
    job.put(1)
    os.utime(first, ns=(known.st_atime_ns, known.st_mtime_ns))
    rig.manager.restart(job.name, who="ana", reason="the file is back")
    job.await_exact(job.truth())

    # A rebuild continues behind what has landed, and files that have landed may go.
    first.unlink()
    truth = job.landed()
    rig.manager.rebuild(job.name, who="ana", reason="a test")
    job.put(2)
    job.await_exact(truth + Counter({(2000 + row, f"a, {row}"): 1 for row in range(ROWS)}))
    assert (rig.head(job.name).epoch, rig.manager.observe(job.name).lag) == (2, 0)
    rig.stop(job.name)


def test_a_job_of_a_folder_and_a_topic(rig: LandedRig) -> None:
    rig.make_topic("mixed-lines")
    job = Filed(rig, "mixed", lines={"topic": "mixed-lines"})
    rig.produce("mixed-lines", ((str(n).encode(), b"line") for n in range(100)))
    rig.deploy(job.name)
    job.await_landed()
    failpoint.arm(rig.failpoints, "write", "kill")
    for number in range(1, 4):
        job.put(number)
    until(lambda: failpoint.hit(rig.failpoints, "write"), "the driver is killed after its write", PATIENCE_S)
    rig.produce("mixed-lines", ((str(n).encode(), b"line") for n in range(100, 150)))
    job.await_exact(job.truth() + Counter((n, "line") for n in range(150)))
    assert set(rig.head(job.name).shown_frontier) == {"mixed-lines/0", "mixed-lines/1", f"file://{job.folder}"}
    rig.stop(job.name)
