"""A folder of CSV files as a source: files arrive while drivers are killed, and each row is given once; a changed file is reported."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from spark_jobs.protocol.read_files import GONE, changes, unpacked
from spark_jobs.sources import files
from tests.spark.arrivals import steps
from tests.spark.processes import running
from weir.cluster.checkpoints import CheckpointFolders
from weir.supervise.judge.lineage import is_commit

pytestmark = pytest.mark.skipif(not os.environ.get("WEIR_ALL_STATE"), reason="make test-state runs it")
ARRIVALS = "tests.spark.arrivals"  # HOME ATTEMPT DIE_AT; -1: it does not end by itself
FILES, ROWS = 60, 20
WITHIN_S = 900.0


def put(folder: Path, number: int, rows: int = ROWS) -> None:
    """Let a file appear whole, as a source of files must."""
    folder.mkdir(exist_ok=True)
    part = folder / f".{number}.part"
    part.write_text("id,text\n" + "".join(f'{number * 1000 + row},"a, {row}"\n' for row in range(rows)))
    part.rename(folder / f"day {number}.csv")


def until(condition: Callable[[], bool], log: Path, process: subprocess.Popen[bytes] | None = None) -> None:
    end = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < end and (process is None or process.poll() is None), log.read_text()[-3000:]
        time.sleep(0.05)


def taken_over(folders: CheckpointFolders, attempt: int) -> str:
    """Copy the folder for the next attempt, as a takeover does."""
    found = folders.read("job", 1, attempt)
    last = max((n for n, data in found.numbered("commits").items() if is_commit(data)), default=-1)
    kept = {"metadata"} | {f"offsets/{n}" for n in (last - 1, last, last + 1)} | {f"commits/{n}" for n in (last - 1, last)}
    return folders.copy("job", (1, attempt), (1, attempt + 1), {p: d for p, d in found.contents.items() if p in kept}, last + 1)


def given(home: Path) -> Counter[tuple[int, str]]:
    return Counter((row[0], row[1]) for path in (home / "out").glob("*.json") for row in json.loads(path.read_text()))


def test_files_arrive_during_kills_and_each_row_is_given_once(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    folders = CheckpointFolders(str(tmp_path / "checkpoints"))
    goals = {1: 8, 2: 22}  # batches, within which the driver is killed: before the first compact list, and after it
    put(tmp_path / "in", 0)
    stop = threading.Event()

    def arrive() -> None:
        for number in range(1, FILES):
            stop.wait(0.2)
            put(tmp_path / "in", number)

    arriving = threading.Thread(target=arrive)
    arriving.start()
    try:
        for attempt, goal in goals.items():
            with running(ARRIVALS, tmp_path, attempt, "-1") as process:
                done = tmp_path / "out" / f"{goal}.json"
                until(done.exists, tmp_path / f"{attempt}.log", process)
                os.killpg(process.pid, signal.SIGKILL)
            assert taken_over(folders, attempt) == ""
            folders.forget("job", 1, [attempt])
        with running(ARRIVALS, tmp_path, 3, "-1") as process:
            until(lambda: given(tmp_path).total() >= FILES * ROWS, tmp_path / "3.log", process)
    finally:
        stop.set()
        arriving.join()
    expected = Counter((n * 1000 + row, f"day%20{n}.csv") for n in range(FILES) for row in range(ROWS))
    assert given(tmp_path) in (expected, Counter({(i, f.replace("%20", " ")): n for (i, f), n in expected.items()}))
    recorded = [file for path in (tmp_path / "out").glob("*.files") for file in unpacked(path.read_bytes())]
    assert len(recorded) == len({file.path for file in recorded}) == FILES, "each file belongs to one batch"


def test_a_file_changed_between_two_evaluations_of_its_batch_is_told(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    for number in range(4):
        put(tmp_path / "in", number)
    folders = CheckpointFolders(str(tmp_path / "checkpoints"))
    with running(ARRIVALS, tmp_path, 1, "1") as process:
        assert process.wait(WITHIN_S) == 9, (tmp_path / "1.log").read_text()[-3000:]
    (changed, *_) = unpacked((tmp_path / "out" / "1.files").read_bytes())
    number = int(changed.path.removesuffix(".csv").rpartition("%20")[2])
    put(tmp_path / "in", number, rows=3)
    os.utime(tmp_path / "in" / f"day {number}.csv", ns=(changed.modified * 1_000_000,) * 2)  # Spark's list tells no difference
    assert taken_over(folders, 1) == ""
    with running(ARRIVALS, tmp_path, 2, "-1") as process:
        assert process.wait(WITHIN_S) != 0
    assert f"FilesChanged: {changed.path} had {changed.size} bytes, and now has " in (tmp_path / "2.log").read_text()
    assert not (tmp_path / "out" / "1.json").exists()


def test_the_files_of_each_batch_are_read_from_the_checkpoint(spark: SparkSession, tmp_path: Path) -> None:
    """Over two compact lists; after a file is changed or deleted, that is told."""
    for number in range(23):
        put(tmp_path / "in", number, rows=1)
        os.utime(tmp_path / "in" / f"day {number}.csv", (1_700_000_000 + number,) * 2)
    stream = files.stream(spark, (tmp_path / "in").as_uri(), "csv", "id long, text string", {"header": "true"}, most=1)
    place = tmp_path / "checkpoint"
    query = stream.writeStream.format("noop").option("checkpointLocation", place.as_uri()).trigger(availableNow=True).start()
    assert query.awaitTermination(WITHIN_S)

    def read(path: str) -> bytes:
        return (place / path).read_bytes() if (place / path).exists() else b""

    for batch in range(23):
        (found,) = files.listed(read, 0, *steps(read, batch))
        assert found == ((tmp_path / "in" / f"day {batch}.csv").as_uri(), (1_700_000_000 + batch) * 1000)
    everything = files.listed(read, 0, -1, 22)
    paths = [path for path, _ in everything]
    before = files.measured(spark, paths)
    assert [file.size for file in before] == [len('id,text\n0,"a, 0"\n') + (3 if n else 0) + (n > 9) for n in _order(everything)]
    os.utime(tmp_path / "in" / "day 7.csv")
    (tmp_path / "in" / "day 9.csv").unlink()
    after = files.measured(spark, paths)
    assert re.fullmatch(r"\S+day%207.csv was modified; \S+day%209.csv was deleted", changes(before, after))
    assert [file.size for file in after if file.modified == GONE] == [GONE]


def _order(listed: list[tuple[str, int]]) -> list[int]:
    return [modified // 1000 - 1_700_000_000 for _, modified in listed]
