"""A second job over the same topics, from another beginning."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.conftest import PROJECT
from weir.errors import BadInput, BadSpec
from weir.jobs.folders import sound
from weir.jobs.like import copy, rewritten, start
from weir.jobs.spec import parse
from weir.times import parse_time

NOW = parse_time("2026-01-31T14:00Z")
OWN = PROJECT / "spark_jobs/error_counts"


@pytest.mark.parametrize(
    ("text", "begin"),
    [
        ("earliest", "earliest"),
        ("2026-01-31T12:00Z", "2026-01-31T12:00:00Z"),
        ("2h", "2026-01-31T12:00:00Z"),
        ("0:1200,1:900", {"0": 1200, "1": 900}),
        ("logs/0:7", {"logs/0": 7}),
    ],
)
def test_where_it_begins(text: str, begin: object) -> None:
    assert start(text, NOW) == begin
    spec = parse(rewritten((OWN / "job.yaml").read_text(), "again", start(text, NOW)), "job.yaml")
    assert (spec.name, spec.source.start, spec.source.topic) == ("again", begin, "logs")


@pytest.mark.parametrize("text", ["", "soon", "0:x", "0:1,"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        start(text, NOW)


def test_the_spec_is_copied_with_its_comments(tmp_path: Path) -> None:
    (file,) = copy("again", OWN, tmp_path, [], "2026-01-31T12:00:00Z")
    before, after = (OWN / "job.yaml").read_text().splitlines(), file.read_text().splitlines()
    assert set(after) - set(before) == {"name: again", "  start: '2026-01-31T12:00:00Z'"} and len(after) == len(before) + 1
    with pytest.raises(BadInput):
        copy("again", OWN, tmp_path, [], "earliest")
    (second,) = copy("third", file.parent, tmp_path, [], {"0": 5})
    assert sound(tmp_path)["third"].source.start == {"0": 5} and "2026-01-31" not in second.read_text()


def test_a_job_with_code_of_its_own_is_copied_with_it_however_it_is_written(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "job.yaml").write_text("{name: mine, output: counts, application: job.py, source: {topics: [a, b]}}")
    for name in ("job.py", "options.py", "test_job.py"):
        (folder / name).touch()
    files = copy("again", folder, tmp_path, ["mine"], {"a/0": 5})
    assert [file.name for file in files] == ["job.py", "job.yaml", "options.py"]
    assert sound(tmp_path)["again"].source.start == {"a/0": 5}


@pytest.mark.parametrize("start", ["later", {}, {"0": -1}, {"0": "x"}, 7, None])
def test_a_spec_with_another_start_is_refused(start: object) -> None:
    text = yaml.safe_dump({"name": "a", "output": "counts", "application": "job.py", "source": {"topic": "a", "start": start}})
    with pytest.raises(BadSpec, match=r"source\.start"):
        parse(text, "job.yaml")


def test_an_earlier_release_reads_what_does_not_use_it() -> None:
    spec = parse((OWN / "job.yaml").read_text(), "job.yaml")
    assert not [text for text in (spec.model_dump_json(), spec.dump()) if '"start"' in text]
