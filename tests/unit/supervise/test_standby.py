"""Standbys: which one is called up, which ends, when one is started, and that none of it can do harm."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import wait
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from spark_jobs.counts.deltas import counting_writer
from spark_jobs.counts.options import CountsOptions
from spark_jobs.protocol.partition import of_source
from spark_jobs.protocol.writer import Superseded, Writer
from tests.unit.supervise.bench import JOB, Bench
from weir.airflow.triggers.restart_pool import Hands
from weir.errors import NotRunning
from weir.factory import _standby
from weir.jobs.bundle import BundleFolder
from weir.jobs.spec import parse
from weir.ports.cluster import DriverState, Submission
from weir.ports.standbys import StandbyRow
from weir.supervise.judge import standby
from weir.supervise.judge.plan import Kind, classify
from weir.supervise.judge.report import Report, Verdict
from weir.supervise.judge.standby import AGAIN_MOST_MS, AGAIN_MS, END_MS, SUBMIT_MS, WARM_MS, due, fitting, lingering, superfluous

at = partial(of_source, "topic-1")  # offsets by partition

NOW = 1_800_000_000_000
READY = StandbyRow("9", "v1", NOW - 60_000, "driver-9", NOW - 30_000, "i9@host:1")
STARTING = StandbyRow("9", "v1", NOW - 60_000, "driver-9")
RUNNING = {"driver-9": DriverState.RUNNING, "driver-8": DriverState.RUNNING}
OLDER = replace(READY, id="8", submission_id="driver-8")


@pytest.mark.parametrize(
    ("row", "states", "version", "fits"),
    [
        (READY, RUNNING, "v1", True),
        (STARTING, RUNNING, "v1", False),
        (READY, {}, "v1", False),  # the cluster does not answer
        (READY, {"driver-9": DriverState.FAILED}, "v1", False),
        (READY, RUNNING, "v2", False),
        (READY, RUNNING, "", False),
        (replace(READY, attempt=4), RUNNING, "v1", False),
        (replace(READY, retired_at=NOW), RUNNING, "v1", False),
    ],
)
def test_only_one_that_is_warm_free_and_of_the_version_is_called_up(
    row: StandbyRow, states: dict[str, DriverState], version: str, fits: bool
) -> None:
    assert (fitting([row], states, version) is row) is fits


@pytest.mark.parametrize(
    ("rows", "states", "version", "ends"),
    [
        ([READY], RUNNING, "v1", []),
        ([READY], {}, "v1", []),  # no news is no bad news
        ([READY], RUNNING, "v2", ["9"]),
        ([READY], RUNNING, "", ["9"]),  # stopped, or the spec wants none
        ([READY], {"driver-9": DriverState.FAILED}, "v1", ["9"]),
        ([READY, OLDER], RUNNING, "v1", ["8"]),
        ([READY, OLDER], {**RUNNING, "driver-9": DriverState.KILLED}, "v1", ["9"]),
        ([replace(STARTING, submitted_at=NOW - WARM_MS - 1)], RUNNING, "v1", ["9"]),
        ([replace(STARTING, submission_id="")], {}, "v1", []),
        ([replace(STARTING, submission_id="", submitted_at=NOW - SUBMIT_MS - 1)], {}, "v1", ["9"]),  # whoever started it died in the middle
        ([replace(READY, attempt=4)], RUNNING, "v2", []),  # a driver like any other
        ([replace(READY, retired_at=NOW)], RUNNING, "v2", []),
    ],
)
def test_one_that_waits_in_vain_ends(rows: list[StandbyRow], states: dict[str, DriverState], version: str, ends: list[str]) -> None:
    assert [row.id for row in superfluous(rows, states, version, NOW)] == ends


@pytest.mark.parametrize(
    ("row", "state", "late"),
    [
        (replace(READY, retired_at=NOW - END_MS - 1), DriverState.RUNNING, True),
        (replace(READY, retired_at=NOW - END_MS), DriverState.RUNNING, False),
        (replace(READY, retired_at=NOW - END_MS - 1), DriverState.FINISHED, False),
        (replace(READY, retired_at=NOW - END_MS - 1), DriverState.UNKNOWN, False),
        (replace(READY, retired_at=NOW - END_MS - 1, attempt=4), DriverState.RUNNING, False),  # it was called up at the same moment
    ],
)
def test_one_that_was_retired_and_stays_is_ended_by_the_cluster(row: StandbyRow, state: DriverState, late: bool) -> None:
    assert bool(lingering([row], {"driver-9": state}, NOW)) is late


def test_each_that_nobody_called_up_makes_the_next_wait_longer() -> None:
    dead = {"driver-9": DriverState.FAILED}
    pauses = []
    for n in range(1, 9):
        rows = [replace(READY, retired_at=NOW)] * n
        pauses.append(next(s for s in range(0, AGAIN_MOST_MS + 1, 1000) if due(rows, dead, "v1", rows[0].submitted_at + s)))
    assert pauses[:3] == [AGAIN_MS, 2 * AGAIN_MS, 4 * AGAIN_MS] and pauses[-1] == AGAIN_MOST_MS
    assert due([], {}, "v1", NOW) and not due([], {}, "", NOW)
    assert due([replace(READY, attempt=4)], dead, "v1", NOW)  # it did what it was for: the next is due at once
    assert due([replace(READY, version="v0", retired_at=NOW)], dead, "v1", NOW)  # of a version that is gone
    assert not due([STARTING], RUNNING, "v1", NOW) and not due([READY], {}, "v1", NOW)


def test_a_spec_says_whether_there_is_one(bench: Warm) -> None:
    spec = bench.manager.specs[JOB]
    text = "name: x\napplication: x.py\nsource: {topic: t}\n"
    assert parse(text, "x").standby == "none" and parse(f"{text}standby: warm\n", "x").standby == "warm"
    bench.deploy_and_land()
    change = classify(spec.model_copy(update={"standby": "none"}), spec, CountsOptions, bench.head(), None)
    assert change.kind is Kind.SAME_CHECKPOINT


class Warm(Bench):
    """A bench whose job wants a standby. `look` is what the watch does at each pass."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.manager.specs[JOB] = self.manager.specs[JOB].model_copy(update={"standby": "warm"})

    def deploy_and_land(self) -> Writer:
        self.manager.deploy(JOB)
        writer = self.writer("driver-1")
        self.land(writer, 0, 0, 10)
        return writer

    def look(self) -> Report:
        report = self.manager.health(JOB)
        self.manager.act(report)
        self.manager.tend(report)
        return report

    def warm_up(self) -> StandbyRow:
        """The standby says that it is ready."""
        row = self.row
        self.store.put_ready(JOB, row.id, f"i-{row.submission_id}", int(self.clock() * 1000))
        return self.row

    @property
    def row(self) -> StandbyRow:
        return self.store.standbys(JOB)[0]


@pytest.fixture
def bench(tmp_path: Path) -> Warm:
    return Warm(tmp_path)


def test_one_is_started_beside_a_driver_that_is_well_and_only_once(bench: Warm) -> None:
    bench.manager.deploy(JOB)
    bench.look()
    assert bench.cluster.alive == ["driver-1"]  # it has not landed: a standby would only slow it down
    bench.land(bench.writer("driver-1"), 0, 0, 10)
    reports = [bench.look() for _ in range(3)]
    assert bench.cluster.alive == ["driver-1", "driver-2"] and bench.head().attempt == 1
    args = bench.arguments("driver-2")
    assert (args.attempt, args.standby, args.checkpoint) == (0, bench.row.id, "") and bench.row.version == args.version
    assert [r.evidence["standby"] for r in reports] == ["none", "starting", "starting"]
    bench.warm_up()
    assert bench.look().evidence["standby"] == "ready"
    assert [e.kind for e in bench.store.events(JOB)].count("standby") == 1


def test_without_one_in_the_spec_nothing_is_said_of_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.manager.deploy(JOB)
    bench.land(bench.writer("driver-1"), 0, 0, 10)
    report = bench.manager.health(JOB)
    assert "standby" not in report.evidence and report.standby_act == "none"
    assert bench.manager.tend(report) is None and bench.cluster.alive == ["driver-1"]  # type: ignore[func-returns-value]


def test_a_dead_driver_is_followed_by_the_standby(bench: Warm) -> None:
    bench.deploy_and_land()
    bench.look()
    ready = bench.warm_up()
    bench.cluster.states["driver-1"] = DriverState.FAILED
    bench.look()
    row = bench.store.attempts(JOB)[0]
    assert (row.attempt, row.submission_id) == (2, ready.submission_id) and bench.row.attempt == 2
    assert list(bench.cluster.submissions) == ["driver-1", "driver-2"]  # nothing was started
    args = bench.arguments("driver-2")
    assert (args.attempt, args.standby) == (2, "") and args.checkpoint.endswith("/2")
    bench.land(bench.writer("driver-2"), 1, 10, 20)
    assert bench.head().frontier == at({0: 20, 1: 0})
    told = next(e for e in bench.store.events(JOB) if e.kind == "restart")
    assert "given to the standby driver-2" in told.text and told.detail["standby"] == "driver-2"
    assert bench.look().verdict is Verdict.OK
    assert bench.cluster.alive == ["driver-2", "driver-3"]  # the next one


class InStore(BundleFolder):
    """Versions that drivers find packed in a store."""

    def place(self, version: str) -> str:
        return f"s3a://weir/bundles/{version}"


def test_a_standby_from_packed_code_is_given_the_jobs_own_arguments(bench: Warm) -> None:
    bench.manager = bench.another(bundles=InStore(bench.parts.settings.bundles))
    bench.deploy_and_land()
    bench.look()
    bench.warm_up()
    bench.cluster.states["driver-1"] = DriverState.FAILED
    bench.look()
    started = bench.cluster.submissions["driver-2"]
    assert started.application.endswith("/unpack.py") and list(started.arguments[:2]) == [".", "spark_jobs/error_counts/job.py"]
    assert [archive.rpartition("/")[2] for archive in started.py_files] == ["code.zip"]
    bench.land(bench.writer("driver-2"), 1, 10, 20)
    assert (bench.arguments("driver-2").attempt, bench.head().frontier) == (2, at({0: 20, 1: 0}))


def test_what_is_not_ready_does_not_keep_a_driver_from_being_started(bench: Warm) -> None:
    bench.deploy_and_land()
    bench.look()
    bench.cluster.states["driver-1"] = DriverState.FAILED
    bench.look()
    assert bench.store.attempts(JOB)[0].submission_id == "driver-3" and bench.row.waits


def test_a_standby_that_dies_when_it_was_called_up_is_a_driver_that_ended(bench: Warm) -> None:
    bench.deploy_and_land()
    bench.look()
    bench.warm_up()
    bench.cluster.states["driver-1"] = DriverState.FAILED
    bench.look()
    bench.cluster.states["driver-2"] = DriverState.FAILED
    bench.clock.sleep(5)
    assert bench.look().verdict is Verdict.DOWN
    bench.clock.sleep(5)
    bench.look()
    assert (bench.head().attempt, bench.cluster.alive) == (3, ["driver-3"])


def test_two_supervisors_that_call_up_the_same_one_do_no_harm(bench: Warm, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second replaces the first's attempt while that one has chosen, and has not written yet."""
    bench.deploy_and_land()
    bench.look()
    bench.warm_up()
    call_up, orders = bench.store.call_up, []

    def late(job: str, standby_id: str, attempt: int, arguments: str) -> None:
        if not orders:
            orders.append(attempt)
            bench.manager.restart(JOB, 2, "ben", "at the same moment")
        call_up(job, standby_id, attempt, arguments)
        orders.append(attempt)

    monkeypatch.setattr(bench.store, "call_up", late)
    bench.manager.restart(JOB, 1, "ana")
    assert orders == [2, 3, 2] and bench.head().attempt == 3
    with pytest.raises(Superseded):  # the orders that it finds are of an attempt that is over
        bench.writer("driver-2")
    assert bench.head().incarnation == "" and bench.head().frontier == at({0: 10, 1: 0})
    bench.cluster.states["driver-2"] = DriverState.FINISHED
    bench.clock.sleep(5)
    bench.look()
    newest = bench.store.attempts(JOB)[0]
    assert (newest.attempt, newest.submission_id) == (4, "driver-3")
    bench.land(bench.writer("driver-3"), 1, 10, 20)


def test_a_waiting_one_cannot_write(bench: Warm) -> None:
    bench.deploy_and_land()
    bench.look()
    args = bench.arguments("driver-2")
    with pytest.raises(Superseded):
        counting_writer(bench.store, JOB, args.attempt, "i", args.version, args.options["shards"], lambda: 1).start()


def changed(bench: Warm) -> None:
    bench.manager.specs[JOB] = bench.manager.specs[JOB].model_copy(update={"trigger": 5.0})
    bench.manager.deploy(JOB)


def without(bench: Warm) -> None:
    bench.manager.specs[JOB] = bench.manager.specs[JOB].model_copy(update={"standby": "none"})
    bench.manager.deploy(JOB)


@pytest.mark.parametrize("do", [changed, without, lambda bench: bench.manager.stop(JOB)])
def test_it_ends_with_its_version_and_its_job(bench: Warm, do: Callable[[Warm], None]) -> None:
    bench.deploy_and_land()
    bench.look()
    bench.warm_up()
    do(bench)
    assert bench.row.retired_at and bench.store.orders(JOB, bench.row.id).retired  # type: ignore[union-attr]
    bench.clock.sleep(END_MS / 1000 + 1)  # it does not look
    bench.look()
    assert bench.cluster.states["driver-2"].ended


def test_a_person_who_holds_the_job_holds_its_standby(bench: Warm) -> None:
    bench.deploy_and_land()
    report = bench.manager.health(JOB)
    bench.manager.hold(JOB, "ana", "why")
    bench.manager.tend(report)  # made before the word
    bench.look()
    assert bench.cluster.alive == ["driver-1"]


def test_with_the_larger_memory_there_is_none(bench: Warm) -> None:
    """A standby has the usual one, which has just been too little."""
    bench.deploy_and_land()
    bench.look()
    bench.warm_up()
    bench.store.put_exit(JOB, 1, "i-driver-1", "out_of_memory", "heap", 1)
    bench.cluster.states["driver-1"] = DriverState.FAILED
    bench.look()
    assert bench.cluster.submissions["driver-3"].driver_memory == "2g" and bench.row.retired_at
    bench.cluster.states["driver-2"] = DriverState.FINISHED
    bench.land(bench.writer("driver-3"), 1, 10, 20)
    bench.clock.sleep(AGAIN_MOST_MS / 1000)
    bench.look()
    assert bench.cluster.alive == ["driver-3"]


def test_a_cluster_that_takes_none_is_asked_less_and_less(bench: Warm, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.deploy_and_land()
    asked: list[float] = []

    def full(submission: object) -> str:
        asked.append(bench.clock())
        raise NotRunning("no room")

    monkeypatch.setattr(bench.cluster, "submit", full)
    hands = Hands()
    for _ in range(1200):
        hands.attend(bench.manager, [bench.manager.health(JOB)])  # as the watch does: nothing is raised
        wait(hands._tended.values(), 30)
        bench.clock.sleep(1)
    gaps = [round(b - a) for a, b in pairwise(asked)]
    assert [gap - gap % 20 for gap in gaps[:4]] == [200, 200, 240, 480], gaps  # at first, the time that a submission may take


def test_a_standby_that_takes_long_to_submit_holds_up_no_restart(bench: Warm, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.deploy_and_land()
    begun, go_on = threading.Event(), threading.Event()
    submit = bench.cluster.submit

    def slowly(submission: Submission) -> str:
        if submission.name.endswith(":standby"):
            begun.set()
            assert go_on.wait(30)
        return submit(submission)

    monkeypatch.setattr(bench.cluster, "submit", slowly)
    hands = Hands()
    try:
        assert hands.attend(bench.manager, [bench.manager.health(JOB)]) == [] and begun.wait(30)
        bench.cluster.states["driver-1"] = DriverState.FAILED
        acted = hands.attend(bench.manager, [bench.manager.health(JOB)])
        assert [one.attempt for one in acted] == [2]
    finally:
        go_on.set()
        wait(hands._tended.values(), 30)


def test_one_that_is_ready_is_a_part_of_the_status(bench: Warm) -> None:
    bench.deploy_and_land()
    bench.look()
    assert _standby(JOB, bench.manager.observe(JOB)) == []
    row = bench.warm_up()
    (part,) = _standby(JOB, bench.manager.observe(JOB))
    assert (part["part"], part["state"], part["address"]) == (f"standby:{JOB}", "ok", row.submission_id)


def test_the_spec_of_another_release_wants_none(bench: Warm) -> None:
    bench.deploy_and_land()
    wanted = bench.store.job(JOB)
    assert wanted and standby.wanted_version(wanted) == wanted.version
    for spec in ("{}", "[]", "not JSON"):
        assert standby.wanted_version(replace(wanted, spec=spec)) == ""
