"""Rules: what a file may say, and that a wrong value is refused by the name of its field."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import PROJECT
from weir.alerts.rules import JobRules, find, load, parse, read_all
from weir.errors import BadInput, BadRules
from weir.jobs.folders import sound as specs_of

SPECS = specs_of(PROJECT / "spark_jobs")
SOUND = """
job: error_counts
rules:
  - {name: many, kind: threshold, above: 10, window: 1m, by: service}
  - {name: silence, kind: absence, window: 15m}
"""


def test_the_shipped_rules_are_sound() -> None:
    rules = load(PROJECT / "rules", SPECS["error_counts"])
    assert [r.kind for r in rules.rules] == ["threshold", "threshold", "new_signature", "ratio"]
    assert {sink for rule in rules.rules for sink in rules.sinks_of(rule)} == {"inbox"}


def test_a_rule_knows_its_window_its_groups_and_where_it_tells() -> None:
    rules = parse(SOUND + "  - {name: loud, kind: threshold, above: 1, sinks: pager}\n", "x.yaml")
    many = find(rules, "many")
    assert (many.width, many.by, many.levels, rules.sinks_of(many)) == (60_000, ("service",), ("error",), ("inbox",))
    assert rules.sinks_of(find(rules, "loud")) == ("pager",)
    assert find(rules, "silence").levels == ()
    with pytest.raises(BadInput, match=r"no rule 'x'. Rules: many, silence, loud"):
        find(rules, "x")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("above: 10", "above: -1", "rules.0.threshold.above"),
        ("above: 10", "abov: 10", "rules.0.threshold.abov"),
        ("above: 10", "above: 2, measure: rate", "a share of all lines"),
        ("window: 1m", "window: soon", "rules.0.threshold.window: .*must be a duration"),
        ("by: service", "by: host", "rules.0.threshold.by.0"),
        ("kind: absence", "kind: nothing", "rules.1: .*'nothing'"),
        ("name: silence", "name: many", "two are named many"),
        ("name: silence", "name: stream", "rules.1.absence.name"),
        ("window: 15m", "window: 15m, by: service", "write one rule for each `service` instead"),
        ("job: error_counts", "jobs: error_counts", "job: Field required"),
        ("rules:", "rules: [", "is not YAML"),
    ],
)
def test_what_does_not_fit_is_named(old: str, new: str, told: str) -> None:
    with pytest.raises(BadRules, match=told):
        parse(SOUND.replace(old, new, 1), "x.yaml")


@pytest.mark.parametrize(
    ("file", "text", "told"),
    [
        (
            "error_counts.yaml",
            SOUND.replace("1m", "15s"),
            r"error_counts.yaml: rules.0.window: 15s of many is not valid. It must be a multiple of the pane, 10s",
        ),
        ("other.yaml", SOUND.replace("job: error_counts", "job: other"), r"other.yaml: job: There is no job 'other'. Jobs: error_counts"),
        ("a.yaml", SOUND, r"a.yaml: job: the file names the job error_counts. Rename the file to error_counts.yaml, or correct `job`"),
    ],
)
def test_rules_must_fit_their_job(file: str, text: str, told: str, tmp_path: Path) -> None:
    (tmp_path / file).write_text(text)
    (wrong,) = read_all(tmp_path, SPECS).values()
    assert isinstance(wrong, BadRules) and re.search(told, str(wrong))


def test_one_bad_file_leaves_the_other_jobs_alone(tmp_path: Path) -> None:
    (tmp_path / "error_counts.yaml").write_text(SOUND)
    (tmp_path / "bad.yaml").write_bytes(b"\xff")
    found = read_all(tmp_path, SPECS)
    assert isinstance(found["error_counts"], JobRules) and isinstance(found["bad"], BadRules)
    with pytest.raises(BadRules, match="cannot be read"):
        load(tmp_path, SPECS["error_counts"].model_copy(update={"name": "bad"}))


def test_a_changed_rule_is_another_one_but_for_its_words() -> None:
    def fingerprint(rules: JobRules) -> str:
        return find(rules, "many").fingerprint

    sound = parse(SOUND, "x")
    assert fingerprint(parse(SOUND.replace("above: 10", "above: 11"), "x")) != fingerprint(sound)
    assert fingerprint(parse(SOUND.replace("above: 10", "above: 10, severity: critical, sinks: pager"), "x")) == fingerprint(sound)
