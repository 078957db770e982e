"""`make audit ADVISORIES=...`: pip-audit by advisories of this machine, where no vulnerability service can be reached."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any
from zipfile import ZipFile

import pytest
import yaml

from tests.delivery.built import PROJECT

SCRIPT = PROJECT / "deploy/release/audit.py"
PINNED = "Some_Package==1.5 --hash=sha256:" + "0" * 64
NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def audit() -> ModuleType:
    """It is a script, and no part of a package."""
    spec = importlib.util.spec_from_file_location("audit", SCRIPT)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def advisory(*events: dict[str, str], modified: datetime = NOW, **more: Any) -> dict[str, Any]:
    affected = {"package": {"ecosystem": "PyPI", "name": "some-package"}, "ranges": [{"type": "ECOSYSTEM", "events": list(events)}]}
    return {"id": "PYSEC-1", "modified": modified.isoformat(), "affected": [affected], **more}


def run(place: Path, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    if importlib.util.find_spec("pip_audit") is None:
        pytest.skip("pip-audit is not installed: make dev")
    (tmp_path / "pinned.txt").write_text(PINNED)
    options = ("--strict", "--disable-pip", "--progress-spinner", "off", "-r", tmp_path / "pinned.txt")
    return subprocess.run([sys.executable, SCRIPT, place, *options], capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(params=["zip", "clone"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return tmp_path / str(request.param)


def put(place: Path, found: dict[str, Any]) -> None:
    if place.name == "zip":
        with ZipFile(place, "w") as archive:
            archive.writestr("PYSEC-1.json", json.dumps(found))
    else:
        (place / "vulns/some-package").mkdir(parents=True)
        (place / "vulns/some-package/PYSEC-1.yaml").write_text(yaml.safe_dump({**found, "modified": NOW}))


def test_a_finding_fails_and_is_named(place: Path, tmp_path: Path) -> None:
    put(place, advisory({"introduced": "1.0"}, {"fixed": "1.6"}, details="A hole."))
    done = run(place, tmp_path)
    assert done.returncode == 1 and "PYSEC-1" in done.stdout and "1.6" in done.stdout, done


def test_what_has_no_finding_passes(place: Path, tmp_path: Path) -> None:
    put(place, advisory({"introduced": "1.0"}, {"fixed": "1.5"}))
    done = run(place, tmp_path)
    assert done.returncode == 0 and f"1 advisories, the newest of {NOW:%Y-%m-%d}" in done.stdout, done


def test_old_advisories_are_not_clean(tmp_path: Path) -> None:
    put(tmp_path / "zip", advisory({"introduced": "1.0"}, {"fixed": "1.5"}, modified=NOW - timedelta(days=8)))
    done = run(tmp_path / "zip", tmp_path)
    assert done.returncode == 1 and "Get newer ones" in done.stderr, done


@pytest.mark.parametrize("name", ["empty", "missing"])
def test_a_place_without_advisories_is_not_clean(name: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = run(tmp_path / name, tmp_path)
    assert done.returncode == 1 and "advisories" in done.stderr, done


@pytest.mark.parametrize(
    ("events", "hit"),
    [
        ([{"introduced": "0"}], True),
        ([{"introduced": "0"}, {"fixed": "1.5"}], False),
        ([{"introduced": "1.5.1"}], False),
        ([{"introduced": "0"}, {"last_affected": "1.5"}], True),
        ([{"introduced": "0"}, {"last_affected": "1.4"}], False),
        ([{"introduced": "0"}, {"fixed": "1.0"}, {"introduced": "1.5"}, {"fixed": "1.10"}], True),
        ([{"fixed": "1.10"}, {"introduced": "1.9"}], False),
        ([{"introduced": "0"}, {"fixed": "1.5rc1"}], False),
        ([{"introduced": "0"}, {"fixed": "2004-r3"}], True),
    ],
)
def test_a_version_is_in_a_range_by_the_rules_of_osv(audit: ModuleType, events: list[dict[str, str]], hit: bool) -> None:
    (affected,) = advisory(*events)["affected"]
    assert audit.is_hit(affected, "1.5") is hit


def test_a_version_that_is_listed_is_a_finding_without_a_range(audit: ModuleType) -> None:
    assert audit.is_hit({"versions": ["1.4", "1.5"]}, "1.5") and not audit.is_hit({"versions": ["1.4"]}, "1.5")
