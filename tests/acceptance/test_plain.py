"""Plain jobs on the real stack: applications that use nothing of Weir are kept alive, and never by two drivers.

CI runs the two that guard this promise; `make test-plain` runs all of them.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from weir.local import airflow, folder, secrets
from weir.local.airflow_api import AirflowApi

from .conftest import Stack, generate, one_of_its_kind, until
from .plain import PATIENCE_S, SOURCES, Drivers, PlainJob, compile_java, sampled, spec, word_count, words

pytestmark = pytest.mark.stack
at_length = pytest.mark.skipif(not os.environ.get("WEIR_TEST_PLAIN"), reason="make test-plain runs it")
START_MS = int(datetime(2020, 3, 1, tzinfo=UTC).timestamp() * 1000)
SPAN = "--since", "2020-02-29T00:00:00Z", "--until", "2020-03-02T00:00:00Z"
CUT_S = 60.0  # in which a driver that is not confirmed ended must not be replaced


class Words:
    """The word count, and how often it must have counted each word."""

    def __init__(self, job: PlainJob, drivers: Drivers) -> None:
        self.job, self.drivers, self.sent = job, drivers, Counter[str]()
        self._run = uuid4().hex[:6]  # on a stack that was used before, its state has the words of then

    def count(self, **more: int) -> None:
        """Send words, and wait until they are counted: with all that were counted before."""
        self.send(**more)
        until(lambda: self.sent.items() <= self.job.printed().items(), f"{self.sent} are counted", PATIENCE_S)

    def send(self, **more: int) -> None:
        mine = {f"{word}-{self._run}": n for word, n in more.items()}
        self.sent.update(mine)
        self.job.send(*words(mine))

    @property
    def attempt(self) -> int:
        return int(self.job.health()["attempt"])


@pytest.fixture(scope="module")
def amounts(stack: Stack) -> PlainJob:
    return PlainJob(
        stack,
        "amounts",
        spec("amounts", "application: amounts.py", "{kafka}", "{topic}", "{checkpoint}"),
        {"amounts.py": (SOURCES / "amounts.py").read_text()},
    )


@pytest.fixture(scope="module")
def word_counting(stack: Stack) -> PlainJob:
    return PlainJob(
        stack,
        "words",
        spec("words", "application: word_count.py", "{kafka}", "subscribe", "{topic}", "{checkpoint}"),
        {"word_count.py": word_count()},
    )


@pytest.fixture(autouse=True)
def stopped(stack: Stack) -> Iterator[None]:
    """The worker of this stack has room for few drivers: each test stops its own."""
    yield
    for job in stack.jobs.iterdir():
        stack.run("stop", job.name)


@at_length
def test_poison_is_told_from_an_outage_and_not_tried_again(stack: Stack, amounts: PlainJob, word_counting: PlainJob) -> None:
    """Two equal failures of one batch are poison. `word_counting` is here for its folder: Airflow finds it meanwhile."""
    amounts.send("1", "2")
    stack.weir("deploy", amounts.name)
    amounts.await_commit()
    done = amounts.committed()
    first = int(amounts.health()["attempt"])
    amounts.send("not a number")
    health = amounts.await_verdict("poisoned")
    assert "not a number" in health["sentence"], health
    assert health["attempt"] == first + 1, health
    for _ in sampled(10):
        assert amounts.health()["attempt"] == first + 1
    code = amounts.folder / "amounts.py"
    code.write_text(code.read_text().replace("return int(text)", "return int(text) if text.isdecimal() else None"))
    stack.weir("deploy", amounts.name)
    amounts.await_commit(done)
    amounts.await_verdict("ok", "idle")


def test_the_word_count_of_spark_goes_on_and_never_has_two_drivers(stack: Stack, word_counting: PlainJob) -> None:
    with Drivers(word_counting) as drivers:
        counted = Words(word_counting, drivers)
        is_deployed_by_its_dag(stack, counted)
        a_killed_driver_goes_on_from_its_checkpoint(counted)
        a_stalled_driver_is_replaced(counted)
        a_driver_that_is_not_confirmed_ended_is_not_replaced(stack, counted)
        stack.weir("stop", word_counting.name)
        until(lambda: not drivers.alive(), "no process is left of a stopped job")
    assert len(drivers.seen) >= 4, drivers.seen
    assert not drivers.together


def is_deployed_by_its_dag(stack: Stack, counted: Words) -> None:
    running = folder.load(stack.home)
    api = AirflowApi(airflow.url(running), secrets.ADMIN, running.secrets["airflow_admin"])
    api.await_dag("words_deploy", timeout=180)
    api.run_dag("words_deploy")
    # The example starts at the topic's end: what is sent before its first batch would be left out.
    counted.job.await_commit()
    counted.count(weir=3, stream=2)
    counted.job.await_verdict("ok", "idle")


def a_killed_driver_goes_on_from_its_checkpoint(counted: Words) -> None:
    before, query, batch = counted.attempt, counted.job.query_id(), counted.job.committed()
    counted.drivers.signal(before, signal.SIGKILL)
    counted.count(weir=1)
    assert counted.attempt > before
    assert counted.job.query_id() == query
    assert counted.job.committed() > batch


def a_stalled_driver_is_replaced(counted: Words) -> None:
    before = counted.attempt
    counted.drivers.signal(before, signal.SIGSTOP)
    counted.send(stream=5)
    counted.job.await_verdict("stalled")
    counted.count(weir=1)
    assert counted.attempt > before


def a_driver_that_is_not_confirmed_ended_is_not_replaced(stack: Stack, counted: Words) -> None:
    """The worker stops answering, so the master gives it up; its driver lives on."""
    before = counted.attempt
    worker = int(stack.part("spark-worker")["pid"])
    os.kill(worker, signal.SIGSTOP)
    try:
        counted.job.await_verdict("unconfirmed")
        for _ in sampled(CUT_S):
            assert counted.drivers.alive().keys() == {before}
            assert counted.attempt == before
        refused = stack.run("restart", counted.job.name)
        assert refused.returncode == 1 and b"confirm-ended" in refused.stderr, refused
    finally:
        os.kill(worker, signal.SIGCONT)
    # The worker is told to end what its master gave up, and nobody tells the master that it has.
    until(lambda: not counted.drivers.alive(), "the worker ends its driver")
    for _ in sampled(5):
        assert counted.job.verdict() == "unconfirmed"
    stack.weir("confirm-ended", counted.job.name, "--reason", "its worker is back, and has ended it", "--yes")
    counted.count(stream=1)
    assert counted.attempt > before


@at_length
def test_an_absent_broker_is_an_outage(stack: Stack, amounts: PlainJob) -> None:
    amounts.send("1")
    stack.weir("deploy", amounts.name)
    amounts.await_verdict("ok", "idle")
    first, done = int(amounts.health()["attempt"]), amounts.committed()
    kafka = int(stack.part("kafka")["pid"])
    os.kill(kafka, signal.SIGSTOP)
    seen = Counter[str]()
    try:

        def restarted_twice() -> bool:
            health = amounts.health()
            seen[health["verdict"]] += 1
            return bool(health["attempt"] >= first + 2)

        until(restarted_twice, "two drivers end without the broker", PATIENCE_S)
    finally:
        os.kill(kafka, signal.SIGCONT)
    assert "poisoned" not in seen, seen
    amounts.send("2")
    amounts.await_commit(done)
    amounts.await_verdict("ok", "idle")


@at_length
def test_a_jar_counts_and_is_restarted(stack: Stack, tmp_path: Path) -> None:
    arguments = "{kafka}", "{topic}", "{checkpoint}"
    job = PlainJob(stack, "java_words", spec("java_words", "jar: words.jar\nmain_class: WordCount", *arguments))
    compile_java(SOURCES / "WordCount.java", job.folder / "words.jar")
    with Drivers(job) as drivers:
        counted = Words(job, drivers)
        stack.weir("deploy", job.name)
        job.await_commit()
        counted.count(jar=2, weir=1)
        before = counted.attempt
        drivers.signal(before, signal.SIGKILL)
        counted.count(weir=4)
        assert counted.attempt > before
    assert not drivers.together


@at_length
def test_a_new_plain_job_runs_by_its_readme(stack: Stack) -> None:
    job = made(stack, "plain")
    assert f"weir deploy {job} --plan" in readme(stack, job)
    stack.weir("deploy", job, "--plan")
    stack.weir("deploy", job)
    until(lambda: stack.json("health", job)["verdict"] in ("ok", "idle"), f"{job} is well")
    assert "Batch: 0" in stack.weir("logs", job)
    assert "deploy" in stack.weir("timeline", job)
    stack.weir("stop", job)
    assert stack.json("health", job)["verdict"] == "stopped"


@at_length
def test_a_new_counting_job_runs_by_its_readme_and_is_exact_after_a_kill(stack: Stack, tmp_path: Path) -> None:
    job = made(stack, "counts")
    steps = readme(stack, job)
    truth = generate(tmp_path / "some.log", seed=18, lines=20_000, start_ms=START_MS, service="web")
    for step in (f"--topic {job} --create", f"weir deploy {job} --wait", f"weir recount {job}"):
        assert step in steps
    stack.weir("ingest", str(tmp_path / "some.log"), "--service", "web", "--topic", job, "--create")
    stack.weir("deploy", job, "--wait")
    stack.weir("wait", job)
    os.kill(int(stack.part(f"driver:{job}")["pid"]), signal.SIGKILL)
    stack.weir("ingest", str(tmp_path / "some.log"), "--service", "web", "--topic", job)
    stack.weir("wait", job, "--timeout", "240s")
    proof = stack.json("recount", job)
    assert (proof["missing"], proof["doubled"], proof["unchecked_lines"]) == (0, 0, 0), proof
    rows = stack.json("counts", "--job", job, "--window", "1h", "--levels", "all", *SPAN)
    assert sum(row["n"] for row in rows) == 2 * sum(truth.panes.values())


def made(stack: Stack, kind: str) -> str:
    """A job that `weir new` wrote, and whose own test passes."""
    job = one_of_its_kind(kind).replace("-", "_")
    stack.weir("new", job, "--kind", kind, "--into", str(stack.jobs))
    command = [sys.executable, "-m", "pytest", job]
    done = subprocess.run(command, cwd=stack.jobs, env=stack.env, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0 and "1 passed" in done.stdout, done.stdout
    return job


def readme(stack: Stack, job: str) -> str:
    return (stack.jobs / job / "README.md").read_text()
