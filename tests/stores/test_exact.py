"""error_counts with its checkpoints on HDFS and S3: killed, frozen, copied in part, from an older copy, rebuilt. Every line counts once.

`make test-stores` runs them, and prints them as a table. `make test` runs one row on each store.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest

from spark_jobs.failpoint import DRIVER, TAKEOVER, Failed
from tests.stores.conftest import ALL
from tests.stores.supervised import JOB, Supervised, runs, wake

pytestmark = pytest.mark.stack
STORES = pytest.mark.parametrize("job", ["s3a", "hdfs"], indirect=True, scope="module")
ON_REQUEST = pytest.mark.skipif(not ALL, reason="make test-stores runs it")
Begin = Callable[[Supervised], object]


def restart(job: Supervised) -> object:
    return job.manager.restart(JOB, who="test", reason="a second driver beside a frozen one")


def rebuild(job: Supervised) -> object:
    return job.manager.rebuild(JOB, who="test", reason="a new epoch beside a frozen driver")


def lands_all(job: Supervised) -> None:
    """Send more lines, and wait until all have landed, each once."""
    job.send()
    job.until(job.landed, "all lines have landed")
    job.is_exact()


@STORES
def test_the_driver_is_killed_within_a_batch(job: Supervised) -> None:
    """`make test` runs it, too: a takeover from a copy of the checkpoint on each store."""
    job.arm("claim", "kill")
    job.send()
    job.hit("claim")
    lands_all(job)


@STORES
@ON_REQUEST
@pytest.mark.parametrize("point", [point for point in DRIVER if point not in ("start", "claim")])
def test_the_driver_is_killed_at(job: Supervised, point: str) -> None:
    job.arm(point, "kill")
    job.send()
    job.hit(point)
    lands_all(job)


@STORES
@ON_REQUEST
def test_the_driver_is_killed_at_its_start(job: Supervised) -> None:
    job.arm("start", "kill")
    restart(job)
    job.hit("start")
    lands_all(job)


@STORES
@ON_REQUEST
def test_the_drivers_jvm_is_killed_without_a_batch(job: Supervised) -> None:
    job.kill_driver()
    lands_all(job)


@STORES
@ON_REQUEST
@pytest.mark.parametrize("point", TAKEOVER)
def test_the_supervisor_ends_within_a_takeover_at(job: Supervised, point: str) -> None:
    job.arm(point, "raise")
    job.kill_driver()
    with pytest.raises(Failed):
        job.until(lambda: False, "the takeover ends at its fail-point")
    lands_all(job)


@STORES
@ON_REQUEST
@pytest.mark.parametrize(
    ("point", "begin"), [*((point, restart) for point in DRIVER if point != "start"), ("claim", rebuild), ("deltas", rebuild)]
)
def test_a_frozen_driver_wakes_beside_its_successor(job: Supervised, point: str, begin: Begin) -> None:
    """No kill reaches the frozen driver: its JVM lives, and may write to its own folder while and after that is copied."""
    old = job.head.attempt
    job.arm(point, "stop")
    job.send()
    zombie = job.hit(point)
    job.cluster.deaf = True
    try:
        begin(job)
        job.send()  # a driver that froze after it had landed left nothing for its successor
        job.until(lambda: job.landed() and job.head.by > old, "the successor lands")
        wake(zombie)
        job.until(lambda: not runs(zombie), "the old driver has ended", ticks=False)
    finally:
        job.cluster.deaf = False
        wake(zombie)
    assert next(row for row in job.manager.store.attempts(JOB) if row.attempt == old).exit_reason == "superseded"
    lands_all(job)


@STORES
@ON_REQUEST
def test_a_whole_driver_is_frozen_and_wakes_beside_its_successor(job: Supervised) -> None:
    """JVM and Python, wherever they are: a batch may be planned, and its commit not written."""
    old, process = job.head.attempt, list(job.cluster.running.values())[-1]
    job.send()
    os.killpg(process.pid, signal.SIGSTOP)
    job.cluster.deaf = True
    try:
        restart(job)
        job.send()
        job.until(lambda: job.landed() and job.head.by > old, "the successor lands")
        os.killpg(process.pid, signal.SIGCONT)
        job.until(lambda: process.poll() is not None, "the old driver has ended", ticks=False)
    finally:
        job.cluster.deaf = False
    lands_all(job)


@STORES
@ON_REQUEST
def test_the_supervisor_ends_within_the_copy_of_a_checkpoint(job: Supervised) -> None:
    job.checkpoints.cut = True
    job.kill_driver()
    with pytest.raises(TypeError):
        job.until(lambda: False, "the copy ends in its middle")
    torn = job.folders()[-1]
    found = job.checkpoints.read(JOB, job.head.epoch, torn)
    assert found.exists and found.contents == {}
    lands_all(job)
    assert job.head.epoch == found.epoch, "it continued from the folder before"


@STORES
@ON_REQUEST
def test_the_last_files_of_a_checkpoint_are_torn(job: Supervised) -> None:
    epoch, attempt = job.head.epoch, job.head.attempt
    job.kill_driver()
    folder = job.checkpoints.read(JOB, epoch, attempt)
    newest = max(folder.numbered("commits"))
    job.file_store.write(f"{folder.location}/commits/{newest}", b"v")
    lands_all(job)
    assert job.head.epoch == epoch


@STORES
@ON_REQUEST
def test_only_an_older_copy_of_the_checkpoint_is_there(job: Supervised) -> None:
    """It ends before what has landed: nothing may be counted again from it."""
    job.kill_driver()
    lands_all(job)
    epoch, attempt = job.head.epoch, job.head.attempt
    job.kill_driver()
    job.checkpoints.forget(JOB, epoch, [attempt])
    assert job.folders(), "older folders are there"
    lands_all(job)
    assert job.head.epoch > epoch, "rebuilt from the ledger"


@STORES
@ON_REQUEST
def test_the_checkpoint_is_gone(job: Supervised) -> None:
    epoch = job.head.epoch
    job.kill_driver()
    job.checkpoints.forget(JOB, epoch, job.folders())
    lands_all(job)
    assert job.head.epoch > epoch
