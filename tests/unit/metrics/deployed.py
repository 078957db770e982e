"""The files of deploy/ that Prometheus, Alertmanager and Grafana read, and what stands in them."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import PROJECT

DEPLOY = PROJECT / "deploy"
RULES = DEPLOY / "prometheus" / "weir.rules.yml"
DASHBOARDS = sorted((DEPLOY / "grafana" / "dashboards").glob("*.json"))
METRIC = re.compile(r"\bweir_[a-z_]+")


def needs(program: str, package: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} is not here: apt-get install {package}")


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def queries(dashboard: Path) -> Iterator[tuple[str, str]]:
    """Every query of a dashboard, with the title of what shows it: panels and marks."""
    board = json.loads(dashboard.read_text())
    for panel in board["panels"]:
        yield from ((panel["title"], target["expr"]) for target in panel["targets"])
    yield from ((mark["name"], mark["expr"]) for mark in board["annotations"]["list"])


def asked_for(query: str) -> set[str]:
    """The names of metrics and labels of Weir in a query."""
    return set(METRIC.findall(query))


def headings(page: Path) -> set[str]:
    """The anchors of a page of Markdown, as its readers make them."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-") for title in titles}
