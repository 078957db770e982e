"""A service of its own for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.api.service import Service


@pytest.fixture
def service(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Service:
    caplog.set_level("INFO", logger="weir.audit")
    return Service(tmp_path)
