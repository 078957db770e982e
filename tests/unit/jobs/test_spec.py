"""job.yaml as a typed model of its kind: what fits, how a mistake is named, and that the released form is read and written."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from spark_jobs.counts.options import CountsOptions
from weir.errors import BadInput, BadSpec, UnknownJob
from weir.jobs.folders import folder_of, sound
from weir.jobs.kinds import KINDS, Capability
from weir.jobs.models import complete_spec
from weir.jobs.spec import MODELS, CountsSpec, PlainSpec, counting, parse
from weir.jobs.specs import find, in_force
from weir.ports.jobs import JobRow
from weir.settings import OWN_JOBS, PROJECT, Settings

GOOD = "name: counts\napplication: job.py\nsource: {topic: logs}\n"
PLAIN = "name: words\noutput: plain\napplication: job.py\narguments: ['{checkpoint}', --servers, '{kafka}']\n"

# What release adaf5c8 has in its file, and what it wrote to the tables job and version of a stack (json, with defaults filled in).
RELEASED_FILE = """
name: error_counts
description: Windowed counts of Apache httpd log lines by service, level and error signature.
owner: platform
application: spark_jobs/error_counts/job.py
source:
  topic: logs
  line_format: apache_error
  time_zone: Europe/Berlin
panes:
  width: 10s
  allowed_lateness: 60s
  future_skew: 1h
  shards: 8
limits:
  signature_cap: 200
  rejected_samples: 100
  lines_per_batch: 250000
trigger: 1s
standby: warm
"""
RELEASED_JSON = (
    '{"name":"error_counts","description":"","owner":"platform","application":"spark_jobs/error_counts/job.py","cluster":"standalone",'
    '"source":{"topic":"logs","line_format":"apache_error","time_zone":"Europe/Berlin"},'
    '"panes":{"width":10,"allowed_lateness":60,"future_skew":3600,"shards":8},'
    '"limits":{"signature_cap":200,"rejected_samples":100,"lines_per_batch":250000},"trigger":1.0,'
    '"resources":{"executors":0,"cores":2,"driver_memory":"1g","executor_memory":"1g"},"spark_conf":{"spark.sql.shuffle.partitions":"1"},'
    '"health":{"ready_within":120.0,"stalled_after":60.0,"catching_up_lag":10000,"slow_after":600.0},'
    '"restart":{"backoff_first":2.0,"backoff_max":60.0,"jitter":0.25,"budget":5,"refill_after":600.0,"rebuild_on_divergence":true,'
    '"larger_memory":"2g"},"standby":"none"}'
)


def test_the_shipped_spec_fits() -> None:
    spec = sound(OWN_JOBS)["error_counts"]
    assert isinstance(spec, CountsSpec) and spec.kind.can(Capability.RECOUNTS)
    options = spec.counting
    assert (options.pane_s, options.allowed_lateness_s, options.future_skew_s, spec.limits.lines_per_batch) == (10, 60, 3600, 2_000_000)
    assert (PROJECT / spec.application).is_file()


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("source: {topic: logs}\napplication: job.py", "name"),
        (GOOD.replace("counts", "Error Counts"), "name"),
        (GOOD + "options: {pane: 7s}", "options.pane: must divide an hour"),
        (GOOD + "options: {pane: 10 parsecs}", "options.pane: must be a duration"),
        (GOOD + "options: {shards: 0}", "options.shards: must be a whole number from 1 to 256"),
        (GOOD + "options: {shards: true}", "options.shards"),
        (GOOD + "options: {time_zone: Mars/Olympus, shards: 300}", "options.time_zone: 'Mars/Olympus' is not a time zone"),
        (GOOD + "options: {time_zone: Mars/Olympus, shards: 300}", "options.shards"),
        (GOOD + "options: {line_format: syslog}", "options.line_format: 'syslog' is not a line format; use one of: apache_error"),
        (GOOD + "options: {line_format: {name: pattern, pattern: 5}}", "options.line_format: pattern: must be text"),
        (
            GOOD + "options: {services: {web: {zone: UTC}}}",
            "options.services: web.zone: is not known; use line_format, time_zone, signatures",
        ),
        (GOOD + "options: {services: {web: {time_zone: Mars}}}", "options.services: web.time_zone: 'Mars' is not a time zone"),
        (GOOD + "options: {signatures: {keep: [a b]}}", "options.signatures: keep: 'a b' is no token"),
        (GOOD + "options: {signatures: {without: [hots]}}", "options.signatures: without: 'hots' is no class; use url, path"),
        (GOOD + "options: {signatures: {regex: [x]}}", "options.signatures: regex: is not known; use keep, mask, mask_after, without"),
        (
            GOOD + "options: {services: {web: {signatures: {mask_after: [4.5, x]}}}}",
            "options.services: web.signatures: mask_after: 4.5 are no words",
        ),
        (GOOD + "options: {services: [web]}", "options.services: must be a mapping"),
        (GOOD + "restart: {budgett: 5}", "restart.budgett"),
        (GOOD + "panes: {width: 7s}", "options.pane"),
        (GOOD + "panes: {widht: 10s}", "panes"),
        (GOOD + "resources: {driver_memory: lots}", "resources.driver_memory"),
        (GOOD + "output: stateful", "output: 'stateful' is not a kind of job; kinds: plain, landed, counts"),
        (GOOD.replace("topic: logs", ""), "source: name exactly one of topic, topics and pattern"),
        (GOOD.replace("topic: logs", "topic: logs, topics: [a]"), "source: topic and topics"),
        (GOOD.replace("topic: logs", "topics: [a, a]"), "source.topics"),
        (GOOD.replace("topic: logs", "pattern: 'a['"), "source.pattern: is not a regular expression"),
        (GOOD.replace("job.py", "/etc/job.py"), "application"),
        (GOOD.replace("job.py", "../job.py"), "application"),
        (PLAIN + "options: {pane: 10s}", "options"),
        (PLAIN + "standby: warm", "standby"),
        (PLAIN + "restart: {rebuild_on_divergence: true}", "restart.rebuild_on_divergence"),
        (PLAIN + "jar: x.jar", "application: name a .py file, or a jar"),
        (PLAIN.replace("application: job.py", "jar: x.jar"), "main_class: a jar needs one"),
        (PLAIN + "main_class: a.B", "main_class"),
        (PLAIN.replace("kafka", "kafak"), "{kafak} is not a placeholder; use one of {checkpoint}"),
        (PLAIN.replace("kafka", "topic"), "arguments: {topic} needs a source with one"),
        ("name: [", "not YAML"),
        ("", "the file"),
    ],
)
def test_a_mistake_is_named_by_its_field(text: str, field: str) -> None:
    with pytest.raises(BadSpec, match=r"WEIR-102: counts/job.yaml") as error:
        parse(text, "counts/job.yaml")
    assert field in str(error.value)


def test_spark_conf_and_arguments_are_text() -> None:
    assert parse(GOOD + "spark_conf: {a.b: true, c.d: 2}", "x").spark_conf == {"a.b": "true", "c.d": "2"}
    spec = parse(PLAIN.replace("--servers", "7, '{\"a\": 1}'"), "x")
    assert isinstance(spec, PlainSpec) and spec.arguments == ("{checkpoint}", "7", '{"a": 1}', "{kafka}")
    assert spec.asks_for("checkpoint") and not spec.asks_for("topic") and not spec.source


def test_a_source_reads_the_topics_that_it_names() -> None:
    several = parse(GOOD.replace("topic: logs", "topics: [a, b]"), "x").source
    like = parse(GOOD.replace("topic: logs", "pattern: web.*"), "x").source
    assert several.names == ("a", "b") and several.reads("b") and not several.reads("c") and str(several) == "a, b"
    assert like.names == () and like.reads("web-1") and not like.reads("my-web") and bool(like)


FORMATS = "options: {line_format: {name: json, levels: {50: crit}}, services: {web: {line_format: nginx_error, time_zone: Asia/Tokyo}}}\n"


@pytest.mark.parametrize(
    "text", [GOOD + "options: {shards: 8}\n", GOOD + FORMATS, PLAIN, GOOD.replace("topic: logs", "pattern: web.*"), RELEASED_FILE]
)
def test_what_is_written_to_the_store_is_read_back(text: str) -> None:
    spec = parse(text, "x")
    assert parse(spec.dump(), "x") == spec


# the released form


def test_the_released_form_is_read() -> None:
    for text in (RELEASED_FILE, RELEASED_JSON):
        spec = parse(text, "x")
        assert isinstance(spec, CountsSpec) and spec.source.names == ("logs",) and spec.limits.lines_per_batch == 250_000
        assert (spec.counting.time_zone, spec.counting.shards, spec.counting.pane_s) == ("Europe/Berlin", 8, 10)
    assert parse(RELEASED_FILE, "x").standby == "warm"  # type: ignore[attr-defined]


def test_what_the_released_form_can_say_is_written_in_it() -> None:
    """Release adaf5c8 is held to its own literal: its model forbids fields that it does not know, and `in_force` then falls back to its
    file. So a job that it knows goes on there, after a rollback, with what was deployed last."""
    assert json.loads(parse(RELEASED_JSON, "x").dump()) == json.loads(RELEASED_JSON)
    plain = parse(RELEASED_JSON, "x")
    assert isinstance(plain, CountsSpec)
    deployed = complete_spec(plain, CountsOptions)
    assert json.loads(deployed.dump()) == json.loads(RELEASED_JSON), "what it does not know is left out where it changes nothing"
    for text in (GOOD.replace("topic: logs", "topics: [a, b]"), GOOD + "options: {of_my_own: 1}", GOOD + FORMATS, PLAIN):
        assert "output" in json.loads(parse(text, "x").dump()), "what it cannot read is in the present form alone"


def test_the_deployed_spec_is_in_force_with_what_is_the_supervisors_own() -> None:
    row = JobRow("error_counts", 1, "running", "v1", RELEASED_JSON, "ana", "", 5)
    here = parse(RELEASED_FILE + "health: {stalled_after: 90s}\n", "x")
    found = in_force(here, row)
    assert isinstance(found, CountsSpec) and found.health.stalled_after == 90 and found.resources.driver_memory == "1g"
    assert in_force(parse(PLAIN, "x"), row) == parse(RELEASED_JSON, "x"), "a file of another kind says nothing of what runs"
    assert in_force(None, replace(row, spec='{"of": "a later release"}')) is None


# kinds


def test_a_plain_job_has_no_options_of_counting() -> None:
    with pytest.raises(BadInput, match=r"words is a plain job, which has no counts. A plain job has: deploy, restart"):
        counting(parse(PLAIN, "x"))


def test_each_kind_promises_one_sentence() -> None:
    assert set(KINDS) == {"plain", "landed", "counts"}
    assert all(kind.promise.endswith(".") and kind.promise.count(".") == 1 for kind in KINDS.values())
    readme = (PROJECT / "README.md").read_text()
    assert all(f"| `{kind.name}` |" in readme and kind.promise in readme for kind in KINDS.values())


# folders


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    """Two folders of jobs: a has one job that fits and one that does not, b has one of the first's name and one in another's folder."""
    for place, text in (("a/counts", GOOD), ("a/broken", "name: ["), ("b/again", GOOD), ("b/elsewhere", PLAIN)):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "job.yaml").write_text(text)
    return [tmp_path / "a", tmp_path / "b"]


def test_one_bad_file_stops_no_other_job(folders: list[Path]) -> None:
    found = sound(*folders)
    assert list(found) == ["counts", "words"] and find(found, "words").name == "words"
    assert str(found.bad["again"]) == "WEIR-102: again/job.yaml: name: counts/job.yaml already has the name counts. Choose another name."
    with pytest.raises(BadSpec, match=r"broken/job\.yaml is not YAML"):
        find(found, "broken")
    with pytest.raises(UnknownJob, match="Jobs: counts, words, broken"):
        find(found, "nobody")


def test_a_job_is_found_by_what_its_file_says(folders: list[Path]) -> None:
    assert folder_of("counts", *folders) == folders[0] / "counts"
    assert folder_of("words", *folders) == folders[1] / "elsewhere"
    with pytest.raises(UnknownJob, match="WEIR_JOBS"):
        folder_of("elsewhere", *folders)


def test_the_folders_of_jobs_are_listed_as_in_path() -> None:
    assert Settings(home="h").job_folders == (OWN_JOBS,)
    assert Settings(home="h", jobs="/x/jobs").job_folders == (Path("/x/jobs"),)
    assert Settings(home="h", jobs=":/x/jobs").job_folders == (OWN_JOBS, Path("/x/jobs"))


def test_a_spec_is_one_of_its_kind() -> None:
    assert {name: spec.KIND.name for name, spec in MODELS.items()} == {name: name for name in KINDS}
