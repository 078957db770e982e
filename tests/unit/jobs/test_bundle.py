"""What a version is made of: one job, and nothing of another."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from spark_jobs.counts.options import CountsOptions
from spark_jobs.protocol.head import first_head
from spark_jobs.runtime.options import Change
from weir.counts.arguments import arguments
from weir.errors import BadSpec, UnknownJob
from weir.jobs import options_process
from weir.jobs.bundle import BundleFolder, Made, made_of
from weir.jobs.folders import sound
from weir.jobs.models import model_of
from weir.jobs.options import change
from weir.jobs.spec import CountsSpec, PlainSpec, parse
from weir.settings import OWN_JOBS, Settings
from weir.supervise.start.submission import plain_submission, submission

COUNTS = "name: web\napplication: job.py\nsource: {topic: web}\noptions: {dialect: 2}\n"
PLAIN = "name: words\noutput: plain\napplication: words.py\narguments: ['{checkpoint}']\n"
OPTIONS = """
from __future__ import annotations
from dataclasses import dataclass
from spark_jobs.counts.options import CountsOptions
from spark_jobs.protocol.head import first_head
from spark_jobs.runtime.options import Change, option, whole

@dataclass(frozen=True)
class Options(CountsOptions):
    dialect: int = option(1, whole(1, 3), "which of three", Change.NEW_EPOCH)
    depth_s: int = option(5, whole(1), "how deep")
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two jobs in a folder of a user's own."""
    for place, text in {
        "web/job.yaml": COUNTS, "web/job.py": "", "web/options.py": OPTIONS, "web/README.md": "", "web/tests/test_it.py": "",
        "web/lib/a.py": "",
        "words/job.yaml": PLAIN, "words/words.py": "import helper", "words/helper.py": "", "words/model.bin": "x",
    }.items():  # fmt: skip
        (tmp_path / "mine" / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "mine" / place).write_text(text)
    return tmp_path / "mine"


def made(job: str, *folders: Path) -> Made:
    return made_of(sound(*folders)[job], *folders)


def test_a_version_has_its_own_folder_and_the_runtime(folder: Path) -> None:
    files = set(made("web", folder).files)
    assert {"web/job.py", "web/lib/a.py", "web/options.py", "spark_jobs/runtime/contract.py", "spark_jobs/counts/options.py"} <= files
    assert not [f for f in files if "error_counts" in f or "test_" in f or f.endswith((".md", "job.yaml"))]


def test_a_plain_version_has_nothing_of_weir(folder: Path) -> None:
    assert set(made("words", folder).files) == {"words/words.py", "words/helper.py", "words/model.bin"}


def test_a_job_of_the_package_keeps_its_import_paths() -> None:
    files = set(made("error_counts", OWN_JOBS).files)
    assert {
        "spark_jobs/__init__.py",
        "spark_jobs/error_counts/job.py",
        "spark_jobs/error_counts/options.py",
        "spark_jobs/failpoint.py",
    } <= files


@pytest.mark.parametrize(
    ("edit", "new"),
    [
        (lambda folder: (folder / "words/words.py").write_text("print()"), False),
        (lambda folder: (folder / "words/job.yaml").write_text(PLAIN + "owner: me"), False),
        (lambda folder: (folder / "web/README.md").write_text("more"), False),
        (lambda folder: (folder / "web/tests/test_it.py").write_text("more"), False),
        (lambda folder: (folder / "web/job.yaml").write_text("# why\n" + COUNTS), False),
        (lambda folder: (folder / "web/job.yaml").write_text(COUNTS.replace("2", "3")), True),
        (lambda folder: (folder / "web/lib/a.py").write_text("print()"), True),
        (lambda folder: (folder / "web/lib/a.py").rename(folder / "web/lib/b.py"), True),
    ],
)
def test_a_version_changes_with_its_own_job_alone(folder: Path, edit: Callable[[Path], object], new: bool) -> None:
    before = made("web", folder).version
    edit(folder)
    assert (made("web", folder).version != before) is new


def test_a_job_beside_it_does_not_change_a_version_of_the_package(folder: Path) -> None:
    before = made("error_counts", OWN_JOBS).version
    assert made("error_counts", OWN_JOBS, folder).version == before


def test_the_jobs_of_the_catalogue_are_sound_and_no_other_job_ships_them() -> None:
    folders = OWN_JOBS, OWN_JOBS / "catalogue"
    jobs = sound(*folders)
    assert not jobs.bad and {"card_limits", "error_counts", "payments", "socket_counts"} <= jobs.keys()
    assert [file for job in jobs for file in made(job, *folders).files if file.startswith("spark_jobs/catalogue/")] == []
    assert "card_limits/options.py" in made("card_limits", *folders).files


def test_a_copy_of_the_package_is_the_runtime_of_its_jobs(tmp_path: Path) -> None:
    """As the drill has it, and whoever set WEIR_JOBS to a folder `spark_jobs` of their own."""
    (copy := tmp_path / "spark_jobs").mkdir()
    for place, text in {"runtime/contract.py": "x", "error_counts/job.py": "y", "error_counts/job.yaml": ""}.items():
        (copy / place).parent.mkdir(exist_ok=True)
        (copy / place).write_text(text)
    files = made_of(sound(OWN_JOBS)["error_counts"], copy).files
    found = {place: file.read_text() for place, file in files.items()}
    assert found == {"spark_jobs/runtime/contract.py": "x", "spark_jobs/error_counts/job.py": "y"}


def test_what_is_published_is_laid_out_for_the_drivers_path(folder: Path, tmp_path: Path) -> None:
    found = made("web", folder)
    kept = BundleFolder(str(tmp_path / "bundles"))
    kept.publish(found.version, found.files)
    bundle = kept.folder(found.version)
    assert (bundle / found.spec.entry).is_file() and (bundle / "spark_jobs/runtime/contract.py").is_file()
    version = found.version
    (folder / "web/job.py").write_text("later")
    kept.publish(bundle.name, found.files)
    assert (bundle / "web/job.py").read_text() == ""
    assert version == bundle.name != found.version
    assert not list((tmp_path / "bundles").glob("*.*"))


def test_the_spec_of_a_version_has_every_option_of_its_own_model(folder: Path, tmp_path: Path) -> None:
    found = made("web", folder)
    assert isinstance(found.spec, CountsSpec)
    assert (found.spec.options["dialect"], found.spec.options["depth"], found.spec.options["pane"]) == (2, 5, 10)
    assert [change(found.model, name) for name in ("dialect", "depth", "time_zone")] == [Change.NEW_EPOCH, Change.NOTHING, Change.REPLAY]
    kept = BundleFolder(str(tmp_path / "bundles"))
    kept.publish("v1", found.files)
    bundle = kept.folder("v1")
    assert change(model_of(bundle, found.spec), "dialect") is Change.NEW_EPOCH
    (bundle / "web/options.py").write_text("raise ValueError")
    assert model_of(bundle, found.spec) is CountsOptions, "a restart is not stopped by that"


@pytest.mark.parametrize(
    ("file", "text", "told"),
    [
        ("job.yaml", COUNTS.replace("2", "4"), "options.dialect: must be a whole number from 1 to 3"),
        (
            "job.yaml",
            COUNTS.replace("dialect", "dialct"),
            "options.dialct: unknown option; use one of .* dialect, depth",
        ),
        ("options.py", "import numpi", "web/options.py cannot be loaded: ModuleNotFoundError: No module named 'numpi'"),
        ("options.py", "import sys; sys.exit(0)", "web/options.py cannot be loaded: SystemExit"),
        ("options.py", "import os; os._exit(0)", "web/options.py ended the process that loaded it with exit code 0"),
        ("options.py", OPTIONS.replace('option(5, whole(1), "how deep")', "5"), "depth is declared without option"),
        ("options.py", OPTIONS.replace("option(5, whole(1)", "option(object(), whole(1)"), "has a default that has no form in JSON"),
        ("options.py", "class Options: pass", "Options must be a dataclass that extends CountsOptions"),
        ("job.yaml", COUNTS.replace("name: web", "name: other"), "the folder is web, the job other"),
    ],
)
def test_options_that_do_not_fit_are_named(folder: Path, file: str, text: str, told: str) -> None:
    (folder / "web" / file).write_text(text)
    with pytest.raises(BadSpec, match=f"WEIR-102: .*{told}"):
        made("other" if "other" in text else "web", folder)


@pytest.mark.parametrize("text", ["while True: pass", OPTIONS.replace("whole(1, 3)", "lambda value: max(iter(int, 1))")])
def test_options_that_loop_without_end_are_refused_in_time(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A supervisor must not wait for them: neither for the file, nor for a rule of its own."""
    monkeypatch.setattr(options_process, "WITHIN_S", 2.0)
    (folder / "web/options.py").write_text(text)
    with pytest.raises(BadSpec, match=r"web/options\.py was still being loaded after 2 s"):
        made("web", folder)


def test_a_job_whose_folder_is_gone_cannot_be_made(folder: Path) -> None:
    spec = sound(folder)["words"]
    with pytest.raises(UnknownJob, match="WEIR_JOBS"):
        made_of(spec, OWN_JOBS)


def test_a_kept_bundle_of_the_release_before_still_starts(tmp_path: Path) -> None:
    """It has the whole tree of spark_jobs, and no options.py."""
    text = '{"name":"error_counts","application":"spark_jobs/error_counts/job.py","source":{"topic":"logs"},"panes":{"shards":8}}'
    spec = parse(text, "the deployed spec")
    (tmp_path / "spark_jobs/error_counts").mkdir(parents=True)
    (tmp_path / spec.entry).write_text("")
    asked = submission(
        spec, arguments(spec, first_head("error_counts", {}, 1), "v0", "c", Settings(home="h")), str(tmp_path), Settings(home="h")
    )
    assert Path(asked.application).is_file() and asked.env["PYTHONPATH"] == str(tmp_path)
    assert model_of(tmp_path, spec) is CountsOptions and json.loads(asked.arguments[0])["shards"] == 8


def test_a_packed_version_adds_to_what_the_spec_sets_and_hides_nothing() -> None:
    text = {"spark.driver.extraClassPath": "/opt/u.jar", "spark.submit.pyFiles": "s3a://b/lib.zip"}
    spec = parse(json.dumps({"name": "words", "output": "plain", "application": "w.py", "spark_conf": text}), "words/job.yaml")
    assert isinstance(spec, PlainSpec)
    settings = Settings(home="h", spark_jars="/jars/a.jar,local:///jars/b.jar,local:/jars/d.jar,s3a://b/c.jar")
    asked = plain_submission(spec, 1, "v1", "c", "s3a://b/v1", settings)
    assert asked.conf["spark.driver.extraClassPath"] == "/opt/u.jar:/jars/a.jar:/jars/b.jar:/jars/d.jar"
    assert asked.conf["spark.executor.extraClassPath"] == "/jars/a.jar:/jars/b.jar:/jars/d.jar"
    assert list(asked.py_files) == ["s3a://b/v1/words.zip", "s3a://b/v1/code.zip", "s3a://b/lib.zip"]
    plain = plain_submission(spec, 1, "v1", "c", "/bundles/v1", settings)
    assert plain.conf["spark.driver.extraClassPath"] == "/opt/u.jar" and not plain.py_files
