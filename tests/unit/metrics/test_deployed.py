"""Rules, dashboards and documentation speak of the metrics that there are, and of headings that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import PROJECT
from tests.unit.metrics.deployed import DASHBOARDS, asked_for, headings, queries, rules
from weir.collect.metrics import METRICS as COLLECTORS
from weir.metrics.catalogue import METRICS, Kind, Metric
from weir.supervise.judge.report import Verdict

DOCUMENT = (PROJECT / "docs" / "metrics.md").read_text()
KNOWN = {name for metric in (*METRICS, *COLLECTORS) for name in (*metric.series, *metric.labels)}


def test_rules_ask_for_metrics_that_there_are() -> None:
    assert {rule["alert"]: asked_for(rule["expr"]) - KNOWN for rule in rules() if asked_for(rule["expr"]) - KNOWN} == {}


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda path: path.stem)
def test_dashboards_ask_for_metrics_that_there_are(dashboard: Path) -> None:
    asked = list(queries(dashboard))
    assert len(asked) > 10
    assert [(title, unknown) for title, query in asked if (unknown := asked_for(query) - KNOWN)] == []


def test_every_verdict_that_a_rule_names_is_one() -> None:
    named = {word for rule in rules() for words in re.findall(r'weir_verdict=~?"([^"]+)"', rule["expr"]) for word in words.split("|")}
    assert named and named <= {str(verdict) for verdict in Verdict}


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_every_alert_says_what_it_means_and_leads_to_a_heading(rule: dict[str, dict[str, str]]) -> None:
    assert rule["labels"]["severity"] in ("page", "ticket", "none")
    assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
    page, _, anchor = rule["annotations"]["runbook_url"].partition("#")
    assert anchor in headings(PROJECT / page)


def row(metric: Metric) -> str:
    """A metric as the table of docs/metrics.md has it."""
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    return f"| `{metric.name}` | {metric.kind} | {labels} | {metric.help} |"


def test_the_documentation_has_exactly_the_metrics_that_there_are() -> None:
    assert re.findall(r"^\| `weir_.*$", DOCUMENT, re.MULTILINE) == [row(metric) for metric in METRICS]


def test_the_documentation_has_every_alert() -> None:
    assert [rule["alert"] for rule in rules() if f"`{rule['alert']}`" not in DOCUMENT] == []


def test_names_follow_the_conventions() -> None:
    names = [metric.name for metric in METRICS]
    assert len(set(names)) == len(names)
    for metric in METRICS:
        assert re.fullmatch(r"weir(_[a-z]+)+", metric.name)
        assert metric.name.endswith("_total") == (metric.kind is Kind.COUNTER)
        assert not metric.name.endswith(("_ms", "_minutes", "_hours", "_percent"))
        assert set(metric.labels) <= {"weir_job", "partition", "level", "reason", "cause", "after", "severity", "kind"}
