"""The pass over many jobs: each part is asked once for all of them, and what goes wrong with one job or one part stays there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from spark_jobs.counts.cells import Delta
from spark_jobs.counts.deltas import Counted, counting_writer
from spark_jobs.protocol.head import Batch, Totals, advance
from spark_jobs.protocol.partition import of_source
from spark_jobs.protocol.writer import Writer
from spark_jobs.runtime.contract import PROVEN, JobArguments
from weir.airflow.operators.health import in_trouble
from weir.errors import NotRunning
from weir.factory import assemble
from weir.jobs.bundle import BundleFolder
from weir.jobs.folders import sound
from weir.ports.cluster import DriverState
from weir.ports.reports import JobSnapshot, Kept
from weir.ports.source import TopicSnapshot
from weir.settings import PROJECT, Settings
from weir.supervise.judge.concern import Concern, concerns_of
from weir.supervise.judge.report import FRESH_MS, UNKNOWN_MS, Report, Verdict
from weir.supervise.manager import Manager
from weir.supervise.observe.fleet import Fleet
from weir.supervise.observe.questions import Questions
from weir.supervise.parts import Parts
from weir.supervise.time_budget import TimeBudget
from weir.testing import Clock, MemoryBroker, MemoryCheckpoints, MemoryCluster, MemoryStore

at = partial(of_source, "topic-1")  # offsets by partition

JOBS = [f"job_{n}" for n in range(12)]


class World:
    """Twelve jobs of three topics, all deployed, under a manager whose parts count what they are asked."""

    def __init__(self, folder: Path) -> None:
        self.store, self.cluster, self.broker, self.clock = MemoryStore(), MemoryCluster(), MemoryBroker(), Clock()
        self.asked: list[tuple[str, int]] = []
        real = sound(PROJECT / "spark_jobs")["error_counts"]
        source = real.source
        self.specs = {
            job: real.model_copy(update={"name": job, "source": source.model_copy(update={"topic": f"logs_{n % 3}"})})
            for n, job in enumerate(JOBS)
        }
        for n in range(3):
            self.broker.create(f"logs_{n}", partitions=1)
        self.manager = self.another(folder)
        for job in JOBS:
            self.manager.deploy(job)
            self.writer(job)
            self.store.put_proof(job, 1, PROVEN)
        self.count(self.store, "snapshots", self.broker, "topics", self.cluster, "states_of")

    def another(self, folder: Path) -> Manager:
        code = folder / "jobs"  # little of it: it is read at each deploy
        code.mkdir(exist_ok=True)
        (code / "job.py").write_text("")
        settings = Settings(home=str(folder), bundles=str(folder / "bundles"), checkpoints="memory", jobs=str(code))
        clusters = {"standalone": self.cluster}
        self.parts = Parts(
            self.store, clusters, self.broker, MemoryCheckpoints(), BundleFolder(settings.bundles), settings, self.clock, self.clock.sleep
        )
        return assemble(self.specs, self.parts)

    def writer(self, job: str) -> Writer:
        args = JobArguments.from_argv(self.cluster.submissions[self.submission(job)].arguments)
        writer = counting_writer(
            self.store, job, args.attempt, f"i-{job}", args.version, args.options["shards"], lambda: int(self.clock() * 1e6)
        )
        writer.start()
        return writer

    def land(self, writer: Writer, batch_id: int) -> None:
        counted = lambda before: Counted(  # noqa: E731
            [Delta(0, "web", "error", "x", 1)], Totals(1, {"error": 1}), advance(before, at({0: 0}), at({0: 0}), 60_000)
        )
        writer.write(Batch(batch_id, at({0: batch_id}), at({0: batch_id + 1})), counted)

    def submission(self, job: str) -> str:
        return self.store.attempts(job)[0].submission_id

    def count(self, *parts: Any) -> None:
        for part, name in zip(parts[::2], parts[1::2], strict=True):
            setattr(part, name, self._counted(name, getattr(part, name)))

    def _counted(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def counted(many: Collection[str], *others: Any) -> Any:
            self.asked.append((name, len(many)))
            return method(many, *others)

        return counted

    def verdicts(self) -> dict[str, Verdict]:
        return {report.job: report.verdict for report in self.manager.tick()}


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_each_part_is_asked_once_for_all_jobs_and_the_broker_once_for_each_topic(world: World) -> None:
    assert set(world.verdicts().values()) == {Verdict.IDLE}
    assert sorted(world.asked) == [("snapshots", 12), ("states_of", 12), ("topics", 3)]


def test_only_what_does_not_look_well_is_looked_at_with_its_history(world: World) -> None:
    world.cluster.states[world.submission("job_4")] = DriverState.FAILED
    assert [job for job, verdict in world.verdicts().items() if verdict is Verdict.DOWN] == ["job_4"]
    asked = [("snapshots", 1), ("snapshots", 12), ("states_of", 1), ("states_of", 12), ("topics", 1), ("topics", 3)]
    assert sorted(world.asked) == asked


def test_a_budget_that_is_used_up_shows_in_the_history_alone(world: World) -> None:
    for _ in range(world.specs["job_4"].restart.budget):
        world.cluster.states[world.submission("job_4")] = DriverState.FAILED
        world.clock.sleep(61)
        (report,) = [r for r in world.manager.tick() if r.job == "job_4"]
        assert world.manager.act(report) or report.act != "none"
        world.clock.sleep(61)
        world.manager.act(report)
    world.cluster.states[world.submission("job_4")] = DriverState.FAILED
    (report,) = [r for r in world.manager.tick() if r.job == "job_4"]
    world.manager.act(report)  # reads why it ended
    assert world.verdicts()["job_4"] is Verdict.CRASH_LOOPING


def test_a_job_whose_rows_cannot_be_read_leaves_the_others_judged(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = world.store.snapshots
    broken = JobSnapshot(trouble="its rows in the store cannot be read: KeyError('end')")
    monkeypatch.setattr(world.store, "snapshots", lambda jobs, n: {**answer(jobs, n), "job_7": broken})
    found = {r.job: r for r in world.manager.tick()}
    assert found["job_7"].verdict is Verdict.UNKNOWN and "KeyError('end')" in found["job_7"].sentence
    assert {r.verdict for job, r in found.items() if job != "job_7"} == {Verdict.IDLE}
    with pytest.raises(NotRunning, match="job_7"):
        world.manager.observe("job_7")


def test_a_job_that_breaks_the_judgement_leaves_the_others_judged(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from weir.supervise.observe import fleet

    judge = fleet.judge

    def breaks(job: str, *rest: Any) -> Report:
        if job == "job_3":
            raise ZeroDivisionError
        return judge(job, *rest)

    monkeypatch.setattr(fleet, "judge", breaks)
    verdicts = world.verdicts()
    assert verdicts.pop("job_3") is Verdict.UNKNOWN and set(verdicts.values()) == {Verdict.IDLE}


@pytest.mark.parametrize("readable", [True, False])
def test_a_job_that_cannot_be_judged_for_long_is_an_alert(world: World, monkeypatch: pytest.MonkeyPatch, readable: bool) -> None:
    """By whichever manager: each look said that it had just begun, so that nobody was ever told."""
    world.verdicts()
    snapshot = world.store.snapshots

    def spoilt(jobs: Collection[str], history: int) -> Mapping[str, JobSnapshot]:
        found = dict(snapshot(jobs, history))
        broken = JobSnapshot(trouble="its rows cannot be read", report=found["job_3"].report)
        return found | {"job_3": replace(found["job_3"], pauses=[None]) if readable else broken}  # type: ignore[list-item]

    monkeypatch.setattr(world.store, "snapshots", spoilt)
    frontier = Report.from_json(str(world.store.report("job_3"))).frontier
    first = next(r for r in world.manager.tick() if r.job == "job_3")
    world.clock.sleep(UNKNOWN_MS / 1000 + 1)
    later = next(r for r in world.manager.tick() if r.job == "job_3")
    assert first.verdict is later.verdict is Verdict.UNKNOWN and first.since == later.since and later.frontier == frontier
    assert in_trouble(later) and not in_trouble(first)
    kept = Report.from_json(str(world.store.report("job_3")))
    assert (kept.verdict, kept.since) == (Verdict.UNKNOWN, first.since)
    assert [e.kind for e in world.store.events("job_3", 5)].count("verdict") == 2


def test_a_topic_that_is_not_told_of_is_unknown_for_its_jobs_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = world.broker.topics
    monkeypatch.setattr(world.broker, "topics", lambda names: {**answer(names), "logs_1": TopicSnapshot()})
    verdicts = world.verdicts()
    assert {job for job, verdict in verdicts.items() if verdict is Verdict.UNKNOWN} == {"job_1", "job_4", "job_7", "job_10"}


def test_a_kind_of_cluster_that_cannot_be_reached_is_unknown_and_nothing_is_started(world: World) -> None:
    row, of_yarn = world.store.job("job_5"), world.specs["job_5"].model_copy(update={"cluster": "yarn"})
    assert row and world.store.set_job(row, replace(row, spec=of_yarn.dump()))
    world.cluster.states[world.submission("job_5")] = DriverState.FAILED
    (report,) = [r for r in world.manager.tick() if r.job == "job_5"]
    assert report.evidence["driver"] == "unknown" and report.act == "none"


def test_reports_that_cannot_be_kept_are_still_acted_upon(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.verdicts()

    def refuses(reports: list[Kept]) -> None:
        raise NotRunning("Cassandra did not answer.")

    world.cluster.states[world.submission("job_2")] = DriverState.FAILED
    with monkeypatch.context() as patch:
        patch.setattr(world.store, "keep_reports", refuses)
        (report,) = [r for r in world.manager.tick() if r.act != "none"]
    assert report.job == "job_2"
    world.verdicts()
    assert [e.text for e in world.store.events("job_2") if e.detail.get("verdict") == "down"] == [report.sentence]


def test_a_report_in_a_form_of_another_version_is_no_report(world: World) -> None:
    world.store.keep_reports([Kept("job_1", '{"verdict": "ok", "frontier": {}, "of_tomorrow": 1}'), Kept("job_2", "[]")])
    assert set(world.verdicts().values()) == {Verdict.IDLE}


# what is kept


@pytest.fixture
def kept(world: World, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The jobs whose reports are kept from here on."""
    jobs: list[str] = []
    keep = world.store.keep_reports

    def noted(reports: list[Kept]) -> None:
        jobs.extend(each.job for each in reports)
        keep(reports)

    world.verdicts()
    monkeypatch.setattr(world.store, "keep_reports", noted)
    return jobs


def test_a_stream_that_moves_is_written_down_now_and_then(world: World, kept: list[str]) -> None:
    world.broker.fill("logs_0", 0, 100)
    driver = counting_writer(world.store, "job_0", 1, "i-job_0", "v", 4, lambda: int(world.clock() * 1e6))
    seconds = 3 * FRESH_MS // 1000
    for n in range(seconds):
        world.land(driver, n)
        world.verdicts()
        world.clock.sleep(1)
    assert 3 <= kept.count("job_0") <= 5


def test_nothing_new_is_not_written_at_all(world: World, kept: list[str]) -> None:
    for _ in range(3):
        world.clock.sleep(FRESH_MS / 1000)
        world.verdicts()
    assert kept == []


def test_a_stall_is_seen_in_time_though_reports_are_seldom_kept(world: World) -> None:
    """By the one who watches, and by one who comes fresh and knows what was kept alone. The idle stream beside it is left alone."""
    driver = counting_writer(world.store, "job_0", 1, "i-job_0", "v", 4, lambda: int(world.clock() * 1e6))
    for n in range(5):
        world.broker.fill("logs_0", 0, 2)
        world.land(driver, n)
        world.verdicts()
        world.clock.sleep(1)
    after = world.specs["job_0"].health.stalled_after
    for _ in range(int(after) - 2):
        assert world.verdicts()["job_0"] is not Verdict.STALLED
        world.clock.sleep(1)
    world.clock.sleep(4)
    verdicts = world.verdicts()
    assert verdicts["job_0"] is Verdict.STALLED and verdicts["job_1"] is Verdict.IDLE


@pytest.mark.parametrize("quiet_s", [0, 5, 29, 3600])
def test_input_after_a_pause_is_no_stall_for_one_who_comes_fresh(world: World, tmp_path: Path, quiet_s: int) -> None:
    driver = counting_writer(world.store, "job_0", 1, "i-job_0", "v", 4, lambda: int(world.clock() * 1e6))
    world.broker.fill("logs_0", 0, 2)
    world.land(driver, 0)
    world.verdicts()
    world.clock.sleep(1)
    world.land(driver, 1)
    for _ in range(min(quiet_s, 60)):
        world.verdicts()
        world.clock.sleep(quiet_s / min(quiet_s, 60))
    world.clock.sleep(120)
    world.broker.fill("logs_0", 0, 1)
    assert world.another(tmp_path).health("job_0").act == "none"


# parts that hang


@pytest.fixture
def hanging() -> Iterator[threading.Event]:
    release = threading.Event()
    yield release
    release.set()


def test_a_part_that_hangs_costs_one_wait_and_one_thread(hanging: threading.Event) -> None:
    probes, begun = Questions(patient_s=1, late_s=1), []

    def hangs() -> int:
        begun.append(1)
        hanging.wait(30)
        return 1

    for _ in range(5):
        assert probes.ask("broker", hangs, 0)() == 0
        assert probes.ask("cluster", lambda: 7, 0)() == 7
    assert len(begun) == 1


def test_a_part_that_answers_again_is_asked_again(hanging: threading.Event) -> None:
    probes = Questions(patient_s=0.05, late_s=10)

    def hangs() -> int:
        hanging.wait(30)
        return 1

    assert probes.ask("broker", hangs, 0)() == 0
    hanging.set()
    done = threading.Event()
    while probes.ask("broker", lambda: 2, 0)() != 2:  # until the late question has come back
        done.wait(0.01)


def test_a_broker_that_hangs_leaves_dead_drivers_seen(world: World, hanging: threading.Event, monkeypatch: pytest.MonkeyPatch) -> None:
    def hangs(names: Collection[str]) -> Mapping[str, TopicSnapshot]:
        hanging.wait(30)
        return {}

    fleet = Fleet(world.parts, {}, questions=Questions(patient_s=1, late_s=1))
    monkeypatch.setattr(world.broker, "topics", hangs)
    world.cluster.states[world.submission("job_4")] = DriverState.FAILED
    for _ in range(2):
        verdicts = {report.job: report.verdict for report in fleet.reports(world.specs)}
        assert verdicts.pop("job_4") is Verdict.DOWN and set(verdicts.values()) == {Verdict.UNKNOWN}


def raised(*_: object) -> list[Concern]:
    raise NotRunning("the store did not answer", "")


@pytest.mark.parametrize("trouble", ["no time", "no answer"])
def test_a_concern_stays_while_it_is_unknown_whether_it_is_over(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    """A tick is a process of its own: one that had no time left to look at a job stored that its concern was over."""
    rejected = Concern("rejected_lines", ("proxy",), 7, "all lines are rejected", "weir rejected")

    def told(manager: Manager) -> set[tuple[Concern, ...]]:
        return {tuple(concerns_of(report.evidence)) for report in manager.tick()}

    monkeypatch.setattr("weir.counts.rejects_probe.recent", lambda *_: None)
    monkeypatch.setattr("weir.counts.rejects_probe.concerns", lambda *_: [rejected])
    assert told(world.manager) == {(rejected,)}
    with monkeypatch.context() as patch:
        if trouble == "no time":
            patch.setattr(TimeBudget, "left", lambda self: False)
        else:
            patch.setattr("weir.counts.rejects_probe.concerns", raised)
        for manager in (world.another(tmp_path), world.manager):
            world.clock.sleep(60)
            assert told(manager) == {(rejected,)}
    monkeypatch.setattr("weir.counts.rejects_probe.concerns", lambda *_: [])
    assert told(world.another(tmp_path)) == {()}
