"""The folders of jobs: whatever a file is, it leaves the other jobs alone, and its own job is told why."""

from __future__ import annotations

from pathlib import Path

import pytest

from weir.errors import BadSpec, UnknownJob
from weir.jobs.folders import check, sound
from weir.jobs.spec import parse
from weir.jobs.specs import Specs, find, spec_of, with_deployed
from weir.ports.jobs import JobRow
from weir.settings import PROJECT

GOOD = (PROJECT / "spark_jobs/error_counts/job.yaml").read_text()
BAD = {
    "no date": b"description: 2026-13-45",
    "no number": b"a: !!int foo",
    "not text": b"\xff\xfe",
    "no kind": b"name: bad\noutput: [1]",
    "of itself": b"a: &a [*a]",
    "deep": b"[" * 1000,
    "a program": b"!!python/object/apply:os.abort []",
    "a list": b"[1]",
    "no mapping": b"? {a: b}\n: c",
    "empty": b"",
    "a list for a zone": b"name: bad\napplication: a.py\nsource: {topic: t}\noptions: {time_zone: [UTC]}",
    "a mapping for a zone, as released": b"name: bad\napplication: a.py\nsource: {topic: t, time_zone: {a: 1}}",
    "an endless repeat": b"name: bad\napplication: a.py\nsource: {pattern: 'a{99999999999}'}",
    "a deep pattern": b"name: bad\napplication: a.py\nsource: {pattern: '" + b"(" * 5000 + b"'}",
    "a number too large": b"name: bad\noutput: plain\napplication: a.py\nhealth: {slow_after: 1" + b"0" * 400 + b"}",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, "error_counts", GOOD.encode())
    return tmp_path


def write(folder: Path, name: str, text: bytes) -> None:
    (folder / name).mkdir(exist_ok=True)
    (folder / name / "job.yaml").write_bytes(text)


@pytest.mark.parametrize("text", BAD.values(), ids=list(BAD))
def test_a_bad_file_leaves_the_others_alone_and_its_own_job_is_told_why(folder: Path, text: bytes) -> None:
    write(folder, "bad", text)
    specs = sound(folder)
    assert list(specs) == ["error_counts"]
    with pytest.raises(BadSpec, match=r"bad/job\.yaml"):
        find(specs, "bad")
    with pytest.raises(UnknownJob, match=r"Jobs: error_counts, bad \(its file is not valid\)"):
        find(specs, "none")


def test_a_bad_file_in_a_later_folder_of_the_same_name_does_not_stop_a_deploy(folder: Path, tmp_path: Path) -> None:
    later = tmp_path / "later"
    later.mkdir()
    write(later, "error_counts", b"name: [")
    check("error_counts", folder, later)
    with pytest.raises(BadSpec):
        check("error_counts", later, folder)


def test_a_folder_in_place_of_a_file_is_such_a_file(folder: Path) -> None:
    (folder / "bad" / "job.yaml").mkdir(parents=True)
    assert "cannot be read" in str(sound(folder).bad["bad"])


def test_a_file_that_does_not_fit_is_asked_for_by_the_name_that_it_gives(folder: Path) -> None:
    write(folder, "folder", b"name: orders\ntrigger: soon")
    with pytest.raises(BadSpec, match=r"folder/job\.yaml"):
        find(sound(folder), "orders")


SERVED = [("bad", "running", True), ("bad", "stopped", True), ("gone", "running", True), ("gone", "stopped", False)]


@pytest.mark.parametrize(("file", "desired", "served"), SERVED)
def test_the_deployed_spec_serves_where_the_file_is_bad_or_gone(folder: Path, file: str, desired: str, served: bool) -> None:
    if file == "bad":
        write(folder, "orders", b"name: orders")
    specs = with_deployed(sound(folder), [_deployed("orders", desired)])
    assert ("orders" in specs) is served
    assert spec_of(Specs(specs, specs.bad), "orders", _deployed("orders", desired)).name == "orders", "asked for, it always does"


def _deployed(job: str, desired: str) -> JobRow:
    return JobRow(job, 1, desired, "v1", parse(GOOD.replace("name: error_counts", f"name: {job}"), job).dump(), "ana", "", 1)
