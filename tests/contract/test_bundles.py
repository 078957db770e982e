"""What every place for the code of versions promises: a folder, HDFS, an object store. And that a program starts from each."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from uuid import uuid4
from zipfile import ZipFile

import pytest
from pyarrow.fs import FileSelector

from spark_jobs import unpack
from tests.stores.servers import FileStore
from weir.cluster.file_systems import opened
from weir.errors import NotRunning
from weir.factory import bundles
from weir.jobs.packed import packed
from weir.jobs.spec import parse
from weir.ports.bundles import Bundles
from weir.ports.cluster import Submission
from weir.settings import Settings, as_uri
from weir.supervise.start.submission import plain_submission

SCRIPT = "import pathlib, sys\nimport helper\nprint(helper.WORD, sys.argv[1:], pathlib.Path(__file__).with_name('data.txt').read_text())\n"
DEEP = "import pathlib, sys\nimport helper\nprint(helper.WORD, pathlib.Path(sys.argv[1]).read_text())\n"
CODE = {
    "words/words.py": SCRIPT,
    "words/src/deep.py": DEEP,
    "words/helper.py": "WORD = 'found'\n",
    "words/data.txt": "data",
    "words/lib/udf.jar": "PK",
}
SPEC = "name: words\noutput: plain\napplication: words.py\narguments: ['{folder}/data.txt', '{checkpoint}']\njars: [lib/udf.jar]\n"


@pytest.fixture
def settings(file_store: FileStore, tmp_path: Path) -> Settings:
    found = file_store.settings(Settings(home=str(tmp_path)), f"bundles-{uuid4().hex[:8]}")
    return replace(found, bundles=found.checkpoints.removeprefix("file://"))


@pytest.fixture
def place(settings: Settings) -> Bundles:
    return bundles(settings)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    for name, text in CODE.items():
        (tmp_path / "made" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "made" / name).write_text(text)
    return {name: tmp_path / "made" / name for name in CODE}


def contents(folder: Path) -> dict[str, str]:
    return {str(file.relative_to(folder)): file.read_text() for file in folder.rglob("*") if file.is_file()}


def test_what_is_published_is_kept_as_it_was(place: Bundles, files: dict[str, Path], settings: Settings) -> None:
    assert place.kept() == set()
    place.publish("v1", files)
    files["words/words.py"].write_text("later")
    place.publish("v1", files)
    place.publish("v2", files)
    assert place.kept() == {"v1", "v2"} and contents(place.folder("v1")) == CODE
    assert contents(bundles(settings).folder("v2")) == {**CODE, "words/words.py": "later"}


def test_what_is_dropped_is_gone_and_may_come_again(place: Bundles, files: dict[str, Path], settings: Settings) -> None:
    place.publish("v1", files)
    place.publish("v2", files)
    place.drop(["v1", "never"])
    later = bundles(settings)
    assert place.kept() == {"v2"} and contents(later.folder("v1")) == {}
    place.publish("v1", files)
    assert place.kept() == {"v1", "v2"} and contents(later.folder("v1")) == CODE


def test_many_may_publish_at_once(place: Bundles, files: dict[str, Path], settings: Settings) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: bundles(settings).publish("v1", files), range(8)))
    with ThreadPoolExecutor(4) as pool:
        assert all(contents(found) == CODE for found in pool.map(place.folder, ["v1"] * 8))
    assert place.kept() == {"v1"}
    fs, base = opened(as_uri(settings.bundles), settings)
    assert [found.base_name for found in fs.get_file_info(FileSelector(base))] == ["v1"]


def test_a_version_that_was_written_in_part_is_not_kept(
    place: Bundles, files: dict[str, Path], settings: Settings, file_store: FileStore
) -> None:
    packs = "://" in settings.bundles
    contents_in_part = dict(list(packed(files).items())[:-1]) if packs else {"words/words.py": b""}
    target = f"{settings.bundles}/{'v1' if file_store.name == 's3a' else 'v1.0a1b'}"
    for name, data in contents_in_part.items():
        file_store.write(f"{'' if packs else 'file://'}{target}/{name}", data)
    assert place.kept() == set()
    place.publish("v1", files)
    assert place.kept() == {"v1"} and contents(bundles(settings).folder("v1")) == CODE


def test_a_program_starts_from_its_place(place: Bundles, files: dict[str, Path], settings: Settings, tmp_path: Path) -> None:
    """As spark-submit starts it: the program and Python's archives are downloaded, and the archives are on Python's path."""
    place.publish("v1", files)
    asked = plain_submission(parse(SPEC, "words/job.yaml"), 1, "v1", "c", place.place("v1"), settings)  # type: ignore[arg-type]
    here = {each: downloaded(each, settings, tmp_path / "work") for each in (asked.application, *asked.py_files, *asked.jars[-1:])}
    assert here[asked.jars[-1]].read_text() == "PK"
    done = started(asked, here, tmp_path)
    assert done.returncode == 0, done.stderr
    word, _, rest = done.stdout.strip().partition(" ")
    assert word == "found" and rest.endswith("/data.txt', 'c'] data") and "{folder}" not in rest
    assert not list(tmp_path.glob("weir-code-*")), "what was unpacked is deleted"
    modules = [each for each in asked.py_files if each.endswith("/words.zip")]
    assert not modules or ZipFile(here[modules[0]]).namelist() == ["data.txt", "helper.py", "src/deep.py", "words.py"], "for executors"


def test_a_program_in_a_subfolder_finds_what_is_in_its_jobs_folder(
    place: Bundles, files: dict[str, Path], settings: Settings, tmp_path: Path
) -> None:
    place.publish("v1", files)
    text = SPEC.replace("words.py", "src/deep.py")
    asked = plain_submission(parse(text, "words/job.yaml"), 1, "v1", "c", place.place("v1"), settings)  # type: ignore[arg-type]
    here = {each: downloaded(each, settings, tmp_path / "work") for each in (asked.application, *asked.py_files)}
    done = started(asked, here, tmp_path)
    assert done.stdout.strip() == "found data", done.stderr


def test_what_a_jar_reads_beside_it_is_there(place: Bundles, files: dict[str, Path], settings: Settings, tmp_path: Path) -> None:
    place.publish("v1", files)
    text = "name: words\noutput: plain\njar: lib/udf.jar\nmain_class: Words\narguments: ['{folder}/data.txt']\n"
    asked = plain_submission(parse(text, "words/job.yaml"), 1, "v1", "c", place.place("v1"), settings)  # type: ignore[arg-type]
    read = [downloaded(each, settings, tmp_path / "work").read_text() for each in (asked.application, *asked.arguments)]
    assert (read, asked.main_class, list(asked.py_files)) == (["PK", "data"], "Words", [])


def started(asked: Submission, here: Mapping[str, Path], folder: Path) -> subprocess.CompletedProcess[str]:
    path = asked.env.get("PYTHONPATH") or os.pathsep.join(str(here[each]) for each in asked.py_files)
    command = [sys.executable, str(here[asked.application]), *asked.arguments]
    return subprocess.run(command, env={"PYTHONPATH": path}, capture_output=True, text=True, check=False, cwd=folder)


def downloaded(uri: str, settings: Settings, work: Path) -> Path:
    if "://" not in uri:
        return Path(uri)
    work.mkdir(exist_ok=True)
    fs, path = opened(uri, settings)
    target = work / uri.rpartition("/")[2]
    with fs.open_input_stream(path) as stream:
        target.write_bytes(stream.read())
    return target


def test_without_its_archive_a_program_says_what_is_missing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, unpack.__file__, "words", "words/words.py"], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 1 and "code.zip is not on Python's path" in done.stderr


def test_a_store_that_does_not_answer_says_so(tmp_path: Path) -> None:
    away = Settings(home=str(tmp_path), bundles="hdfs://127.0.0.1:1/weir", hdfs_web="http://127.0.0.1:1")
    place = bundles(away)
    for ask in (place.kept, lambda: place.publish("v1", {}), lambda: place.folder("v1")):
        with pytest.raises(NotRunning, match=r"The bundles at hdfs://127\.0\.0\.1:1/weir cannot be read or written"):
            ask()
    place.drop(["v1"])
