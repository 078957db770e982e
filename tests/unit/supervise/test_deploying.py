"""Plans, kept versions and the way back, over the in-memory parts; the rehearsal with a real Python."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import pytest

from weir.errors import BadSpec, DataLoss, Diverged, NotKept, Refused, UnknownJob
from weir.jobs.bundle import made_of
from weir.jobs.spec import JobSpec, parse
from weir.ports.attempts import AttemptRow
from weir.ports.cluster import DriverState
from weir.ports.jobs import JobRow
from weir.ports.room import Worker, room_of
from weir.supervise.judge.plan import Check, Kind
from weir.supervise.judge.restart import Action
from weir.supervise.preflight import application, rehearsal

from .bench import JOB, Bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Attempt 1 has landed a batch of ten lines."""
    bench = Bench(tmp_path)
    bench.manager.deploy(JOB)
    bench.land(bench.writer("driver-1"), 0, 0, 10)
    bench.clock.sleep(1)
    return bench


def change(bench: Bench, **update: object) -> None:
    bench.manager.specs[JOB] = bench.manager.specs[JOB].model_copy(update=update)


def reshard(bench: Bench, shards: int) -> None:
    change(bench, options=bench.manager.specs[JOB].options | {"shards": shards})


def check(bench: Bench, name: str) -> Check:
    return next(c for c in bench.manager.plan(JOB).checks if c.name == name)


def test_a_plan_changes_nothing(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    plan = bench.manager.plan(JOB)
    assert (plan.kind, plan.before) == (Kind.NEW_EPOCH, "")
    assert not plan.differences and not any("changes" in line for line in plan.lines())
    assert (bench.store.head(JOB), bench.store.job(JOB), bench.store.versions(JOB), bench.manager.kept()) == (None, None, [], set())


def test_what_runs_already_is_no_change(bench: Bench) -> None:
    assert bench.manager.plan(JOB).kind is Kind.NO_CHANGE
    bench.cluster.states["driver-1"] = DriverState.FAILED
    plan = bench.manager.plan(JOB)
    assert (plan.kind, plan.differences) == (Kind.SAME_CHECKPOINT, ("nothing: the driver restarts",))


def test_another_number_of_shards_begins_an_epoch_where_the_last_one_ended(bench: Bench) -> None:
    reshard(bench, 8)
    assert bench.manager.plan(JOB).kind is Kind.NEW_EPOCH
    bench.manager.deploy(JOB)
    args = bench.arguments("driver-2")
    assert (args.epoch, args.options["shards"], args.starting_offsets[0]) == (2, 8, 10)
    assert bench.head().gap is None


def test_whoever_starts_the_first_driver_of_new_shards_begins_the_epoch(bench: Bench) -> None:
    """A deploy that died behind the change of what is wanted, and the watch that finds it so."""
    reshard(bench, 8)
    plan, wanted = bench.manager.plan(JOB), bench.store.job(JOB)
    assert wanted is not None
    new = JobRow(JOB, 2, "running", plan.version, plan.spec.dump(), "ana", "", 5)
    assert bench.store.set_job(wanted, new)
    bench.cluster.states["driver-1"] = DriverState.FAILED
    assert bench.manager.act(bench.manager.health(JOB)) is not None
    assert (bench.arguments("driver-2").epoch, bench.arguments("driver-2").options["shards"]) == (2, 8)
    bench.cluster.states["driver-2"] = DriverState.FAILED
    bench.manager.restart(JOB)
    assert bench.arguments("driver-3").epoch == 2, "and only the first one does"


def test_a_refused_deploy_stops_nothing(bench: Bench) -> None:
    source = bench.manager.specs[JOB].source
    change(bench, source=source.model_copy(update={"topic": "other"}))
    with pytest.raises(Refused, match=r"WEIR-304.*topic logs cannot become other"):
        bench.manager.deploy(JOB)
    wanted = bench.store.job(JOB)
    assert bench.cluster.alive == ["driver-1"] and bench.head().attempt == 1
    assert wanted is not None and '"topic":"logs"' in wanted.spec


def test_a_loss_is_refused_as_a_loss(bench: Bench) -> None:
    bench.fill(0, 50)
    bench.broker.forget("logs", 0, 20)
    change(bench, trigger=5.0)
    assert bench.manager.plan(JOB).kind is Kind.REFUSED
    with pytest.raises(DataLoss, match="offsets 10 to 19"):
        bench.manager.deploy(JOB)


def test_a_checkpoint_that_is_damaged_shows_in_the_plan(bench: Bench) -> None:
    change(bench, trigger=5.0)
    assert bench.manager.plan(JOB).kind is Kind.SAME_CHECKPOINT
    bench.checkpoints.files[JOB, 1, 1]["offsets/0"] = b""
    plan = bench.manager.plan(JOB)
    assert plan.kind is Kind.NEW_EPOCH and "no checkpoint is usable" in plan.change.why[0]
    change(bench, restart=bench.manager.specs[JOB].restart.model_copy(update={"rebuild_on_divergence": False}))
    with pytest.raises(Diverged, match="--rebuild"):
        bench.manager.deploy(JOB)
    assert bench.cluster.alive == ["driver-1"]


def test_a_batch_that_lands_while_it_is_looked_at_is_no_disagreement(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    change(bench, trigger=5.0)
    commit = bench.checkpoints.files[JOB, 1, 1].pop("commits/0")
    plan_of_0 = bench.checkpoints.files[JOB, 1, 1].pop("offsets/0")

    def written_meanwhile(seconds: float) -> None:
        bench.checkpoints.files[JOB, 1, 1] |= {"offsets/0": plan_of_0, "commits/0": commit}

    bench.manager = bench.another(sleep=written_meanwhile)
    assert bench.manager.plan(JOB).kind is Kind.SAME_CHECKPOINT


def test_a_topic_that_is_not_there_refuses_and_a_broker_that_is_away_does_not(bench: Bench) -> None:
    change(bench, trigger=5.0)
    bench.broker.answers = False
    assert check(bench, "topic").ok is None and bench.manager.plan(JOB).kind is Kind.SAME_CHECKPOINT
    bench.broker.answers = True
    del bench.broker._records["logs"]
    assert check(bench, "topic").ok is False and bench.manager.plan(JOB).kind is Kind.REFUSED


def test_a_cluster_that_is_too_small_refuses(bench: Bench) -> None:
    change(bench, trigger=5.0)
    assert check(bench, "resources").ok
    bench.cluster.has = room_of([Worker("w", cores=8, memory=512)])
    assert check(bench, "resources").ok is False
    bench.cluster.answers = False
    assert check(bench, "resources").ok is None


def test_an_application_that_cannot_be_imported_stops_nothing(bench: Bench) -> None:
    asked: list[str] = []

    def rehearse(folder: Path, spec: JobSpec) -> Check:
        assert (folder / spec.entry).is_file() and (folder / "spark_jobs/runtime/contract.py").is_file()
        asked.append(spec.entry)
        return Check("application", False, "No module named 'numpi'")

    bench.manager = bench.another(rehearse=rehearse)
    change(bench, trigger=5.0)
    with pytest.raises(Refused, match="numpi"):
        bench.manager.deploy(JOB)
    assert asked == ["spark_jobs/error_counts/job.py"] and bench.cluster.alive == ["driver-1"]
    change(bench, trigger=1.0)
    assert bench.manager.plan(JOB, bench.arguments("driver-1").version).kind is Kind.NO_CHANGE and len(asked) == 1


def test_this_machines_python_says_nothing_bad_of_an_image(bench: Bench) -> None:
    absent = lambda folder, spec: Check("application", False, "No module named 'pyspark'")  # noqa: E731
    bench.manager = bench.another(rehearse=absent, clusters={"kubernetes": bench.cluster})
    change(bench, cluster="kubernetes")
    assert check(bench, "application").ok is None


def test_a_spec_that_does_not_fit_says_so(bench: Bench, tmp_path: Path) -> None:
    (folder := tmp_path / "code" / "broken").mkdir(parents=True)
    (folder / "job.yaml").write_text("name: broken\napplication: x.py\nsource: {topic: logs}\noptions: {pane: 7s}\n")
    bench.manager = bench.another(settings=replace(bench.parts.settings, jobs=str(tmp_path / "code")))
    with pytest.raises(BadSpec, match=r"options\.pane"):
        bench.manager.plan("broken")
    with pytest.raises(UnknownJob):
        bench.manager.plan("nobody")


# versions


def test_a_kept_version_is_gone_back_to_with_its_code_and_its_checkpoint(bench: Bench) -> None:
    first = bench.arguments("driver-1").version
    change(bench, trigger=5.0)
    bench.manager.deploy(JOB)
    bench.land(bench.writer("driver-2"), 1, 10, 20)
    plan = bench.manager.plan(JOB, first[:5])
    assert (plan.kind, plan.version, plan.differences) == (Kind.SAME_CHECKPOINT, first, ("trigger: 5.0 -> 1.0",))
    bench.manager.deploy(JOB, "ana", "", plan)
    args = bench.arguments("driver-3")
    assert (args.version, args.trigger_s, args.epoch) == (first, 1.0, 1) and first in bench.cluster.submissions["driver-3"].application
    assert bench.manager.plan(JOB, first).kind is Kind.NO_CHANGE and bench.manager.plan(JOB).kind is Kind.SAME_CHECKPOINT


def test_a_version_whose_code_is_gone_is_refused_by_name(bench: Bench) -> None:
    with pytest.raises(NotKept, match="WEIR-305"):
        bench.manager.plan(JOB, "000")
    change(bench, trigger=5.0)
    first = bench.arguments("driver-1").version
    bench.manager.deploy(JOB)
    for file in sorted((Path(bench.parts.settings.bundles) / first).rglob("*"), reverse=True):
        file.unlink() if file.is_file() else file.rmdir()
    (Path(bench.parts.settings.bundles) / first).rmdir()
    with pytest.raises(NotKept, match="no longer kept"):
        bench.manager.plan(JOB, first)


def test_the_newest_versions_and_the_last_good_one_are_kept(bench: Bench) -> None:
    first = bench.arguments("driver-1").version
    for n in range(2, 16):
        change(bench, trigger=float(n))
        bench.manager.deploy(JOB)
        bench.clock.sleep(1)
    rows, kept = bench.manager.versions(JOB), bench.manager.kept()
    assert len(rows) == 15 and {row.version for row in rows[:10]} | {first} == kept


def test_a_version_that_ran_before_versions_were_kept_is_noted_by_the_next_deploy(bench: Bench) -> None:
    first = bench.arguments("driver-1").version
    bench.store._versions.clear()
    change(bench, trigger=5.0)
    bench.manager.deploy(JOB)
    assert [(row.version == first, row.good) for row in bench.manager.versions(JOB)] == [(False, False), (True, True)]


def test_what_attempts_told_of_a_version_outlives_them(bench: Bench) -> None:
    change(bench, trigger=5.0)
    bench.manager.deploy(JOB)
    bench.store._attempts[JOB] = {2: AttemptRow(2)}
    assert [row.good for row in bench.manager.versions(JOB)] == [False, True]


def test_a_restart_goes_on_with_what_was_deployed(bench: Bench) -> None:
    change(bench, trigger=5.0)
    bench.manager.restart(JOB)
    assert bench.arguments("driver-2").trigger_s == 1.0 and bench.store.attempts(JOB)[0].cause == str(Action.RESTART)


# the rehearsal


def of(folder: Path, text: str | None, *lines: str) -> JobSpec:
    """A job in a folder, laid out as in a bundle, with this application."""
    (folder / "jobs").mkdir(exist_ok=True)
    if text is not None:
        (folder / "jobs" / "job.py").write_text(text)
    return parse("\n".join(["name: jobs", "application: job.py", *(lines or ["source: {topic: logs}"])]), "jobs/job.yaml")


@pytest.mark.parametrize(
    ("text", "ok", "words"),
    [
        ("import jobs.helper\nif __name__ == '__main__':\n    raise SystemExit('started')\n", True, "can be imported"),
        ("import numpi\n", False, "No module named 'numpi'"),
        ("def broken(:\n", False, "SyntaxError"),
        ("while True: pass\n", False, "still being imported"),
    ],
)
def test_a_rehearsal_imports_and_starts_nothing(tmp_path: Path, text: str, ok: bool, words: str) -> None:
    spec = of(tmp_path, text)
    (tmp_path / "jobs" / "helper.py").write_text("")
    within = 2.0 if "while" in text else 60.0
    found = rehearsal(sys.executable, within)(tmp_path, spec)
    assert found.ok is ok and words in found.text
    assert not list(tmp_path.rglob("__pycache__"))


@pytest.mark.parametrize(
    ("text", "ok", "words"),
    [
        ("import helper, json.decoder\nfrom os import path\nopen('touched', 'w')\n", True, "can be imported"),
        ("try:\n    import numpi\nexcept ImportError:\n    numpi = None\n", True, "can be imported"),
        ("import numpi.core\n", False, "No module named 'numpi'"),
        ("def broken(:\n", False, "SyntaxError"),
    ],
)
def test_a_plain_script_is_looked_at_and_not_run(tmp_path: Path, text: str, ok: bool, words: str) -> None:
    """It may start its query at module level."""
    spec = of(tmp_path, text, "output: plain")
    (tmp_path / "jobs" / "helper.py").write_text("")
    found = rehearsal(sys.executable)(tmp_path, spec)
    assert (found.ok, words in found.text) == (ok, True), found.text
    assert not list(tmp_path.rglob("touched"))


def test_a_jar_must_have_its_main_class(tmp_path: Path) -> None:
    (tmp_path / "jobs").mkdir()
    text = "name: jobs\noutput: plain\njar: words.jar\nmain_class: org.example.Words"
    with ZipFile(tmp_path / "jobs/words.jar", "w") as jar:
        jar.writestr("org/example/Words.class", b"")
    look = rehearsal(sys.executable)
    assert look(tmp_path, parse(text, "x")).ok
    assert look(tmp_path, parse(text.replace("Words", "Count", 1), "x")).text == "org.example.Count is not in words.jar"
    (tmp_path / "jobs/words.jar").write_bytes(b"no")
    assert look(tmp_path, parse(text, "x")).ok is False


def test_a_rehearsal_where_the_drivers_python_is_not_concludes_nothing(tmp_path: Path) -> None:
    look = rehearsal("/opt/spark/none/python")
    assert look(tmp_path, of(tmp_path, None)).ok is False, "there is no such application"
    assert look(tmp_path, of(tmp_path, "")).ok is None


def test_the_jobs_of_this_release_can_be_imported(bench: Bench) -> None:
    made = made_of(bench.manager.specs[JOB])
    found = application(made, rehearsal(sys.executable))
    assert found.ok, found.text
