"""A folder on HDFS and S3 as a source, with sink and checkpoints there, too: drivers are killed, and the store goes away within a batch.

`make test-landed` runs this. moto, which stands for S3, keeps everything in memory, so it is frozen and not killed.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress

import psutil
import pytest

from spark_jobs import failpoint
from spark_jobs.sinks.parquet_reader import NothingLanded, landed_table
from tests.landed.rig import LandedRig, landed_rig
from tests.parts import until
from tests.stores.servers import FileStore
from weir.cluster.file_systems import opened
from weir.errors import WeirError
from weir.supervise.judge.report import Verdict

pytestmark = [pytest.mark.stack, pytest.mark.skipif(not os.environ.get("WEIR_TEST_LANDED"), reason="make test-landed runs it")]
PATIENCE_S, ROWS = 600.0, 25
AWAY_S = 20.0  # how long the store does not answer
Rows = Counter[tuple[int, str]]


@pytest.fixture(scope="module", params=["hdfs", "s3a"])
def rig(
    request: pytest.FixtureRequest, file_stores: Callable[[str], FileStore], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LandedRig]:
    with landed_rig(tmp_path_factory.mktemp(request.param), "kafka", "cassandra", files=file_stores(request.param)) as found:
        yield found


class Filed:
    """A job that copies the rows of a folder's files into Parquet files, all in the store."""

    def __init__(self, rig: LandedRig, name: str) -> None:
        assert rig.files
        self.rig, self.name, self.store, self.truth = rig, name, rig.files, Rows()
        self.folder, self.target = f"{rig.files.uri}/{name}/in", f"{rig.files.uri}/{name}/out"
        self.put(0)
        files = {"path": self.folder, "format": "csv", "schema": "id long, text string", "options": {"header": True}, "files_per_batch": 7}
        rig.add(name, {"code": "filed", "sources": {"files": files}, "sink": {"kind": "parquet", "path": self.target}})

    def put(self, number: int, text: str = "a") -> None:
        """Let a file appear whole."""
        lines = "".join(f'{number * 1000 + row},"{text}, {row}"\n' for row in range(ROWS))
        self.store.write(f"{self.folder}/.{number}.part", f"id,text\n{lines}".encode())
        fs, path = opened(self.folder, self.rig.settings)
        whole = f"{path}/day {number}.csv"
        if fs.get_file_info(whole).is_file:  # HDFS renames to no file that exists
            fs.delete_file(whole)
        fs.move(f"{path}/.{number}.part", whole)
        self.truth.update((number * 1000 + row, f"{text}, {row}") for row in range(ROWS))

    def landed(self) -> Rows:
        fs, path = opened(self.target, self.rig.settings)
        with suppress(NothingLanded):
            return Counter((row["id"], row["text"]) for row in landed_table(path, fs).to_pylist())
        return Counter()

    def await_exact(self) -> None:
        until(self._drained, f"{self.name} has landed all: {self.rig.sentences[-4:]}", PATIENCE_S)
        until(lambda: self.landed() == self.truth, f"{self.name} has each row once", 60)

    def _drained(self) -> bool:
        with suppress(WeirError):  # a checkpoint that is being copied has no lists yet
            return self.rig.manager.wait_landed(self.name, 0) and self.rig.head(self.name).state == "landed"
        return False


def test_files_that_arrive_during_kills_are_in_the_sink_once(rig: LandedRig) -> None:
    job, number = Filed(rig, "arriving"), 1
    rig.deploy(job.name)
    job.await_exact()
    for point in ("claim", "write", "land", "claim"):
        failpoint.arm(rig.failpoints, point, "kill")
        for number in range(number, number + 9):  # noqa: B020 - goes on where the last round ended
            job.put(number)
        number += 1
        until(lambda at=point: failpoint.hit(rig.failpoints, at), f"{point} is reached: {rig.sentences[-4:]}", PATIENCE_S)
        job.await_exact()
    head = rig.head(job.name)
    assert head.epoch == 1 and head.attempt >= 5 and rig.manager.observe(job.name).lag == 0
    rig.stop(job.name)


def test_a_store_that_goes_away_within_a_batch_loses_and_doubles_nothing(rig: LandedRig) -> None:
    job = Filed(rig, "away")
    rig.deploy(job.name)
    job.await_exact()
    failpoint.arm(rig.failpoints, "claim", "stop")
    for number in range(1, 5):
        job.put(number)
    frozen = int(until(lambda: failpoint.hit(rig.failpoints, "claim"), "the batch is claimed", PATIENCE_S))
    servers = [psutil.Process(pid) for pid in _servers()]
    for server in servers:
        server.suspend()
    back = threading.Timer(AWAY_S, lambda: [server.resume() for server in servers])
    back.start()
    os.kill(frozen, signal.SIGCONT)
    back.join()
    job.put(5)
    job.await_exact()
    assert rig.head(job.name).epoch == 1
    rig.stop(job.name)


def test_a_file_that_was_replaced_after_its_claim_is_named(rig: LandedRig) -> None:
    job = Filed(rig, "changing")
    rig.deploy(job.name)
    job.await_exact()
    failpoint.arm(rig.failpoints, "claim", "kill")
    job.put(1)
    until(lambda: failpoint.hit(rig.failpoints, "claim"), "the batch is claimed", PATIENCE_S)
    time.sleep(1.1)  # a store's clock may have whole seconds: the time of the file must differ
    job.put(1, text="another")
    until(lambda: rig.manager.health(job.name).found is Verdict.FILES_CHANGED, f"it stops: {rig.sentences[-4:]}", PATIENCE_S)
    assert "day%201.csv" in rig.manager.health(job.name).sentence
    rig.stop(job.name)


def _servers() -> list[int]:
    """Return the processes of the stores that this process started."""
    mine = psutil.Process().children(recursive=True)
    return [one.pid for one in mine if any("moto_server" in part or ".NameNode" in part or ".DataNode" in part for part in one.cmdline())]
