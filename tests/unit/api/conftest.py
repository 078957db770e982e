"""A service of its own for each test."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi import FastAPI

from tests.unit.api.service import Service
from weir.api.serve import alone


@pytest.fixture(scope="session")
def app() -> FastAPI:
    """The routes, made once: FastAPI takes as long for them as most tests here."""
    return alone(None, None)  # type: ignore[arg-type]  # each service brings them


@pytest.fixture
def service(tmp_path: Path, caplog: pytest.LogCaptureFixture, app: FastAPI) -> Service:
    caplog.set_level("INFO", logger="weir.audit")
    return Service(tmp_path, app=app)
