"""Real servers, started once, and a table of what was seen at the end: row, store, verdict, seconds."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.parts import running
from tests.stores.servers import FileStore, file_store, file_stores
from tests.stores.supervised import Supervised, supervised
from weir.settings import Settings

__all__ = ["file_store", "file_stores"]
ALL = bool(os.environ.get("WEIR_ALL_STORES"))


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    with running(tmp_path_factory.mktemp("servers"), "kafka", "cassandra") as found:
        yield found


@pytest.fixture(scope="module")
def job(
    request: pytest.FixtureRequest, servers: Settings, file_stores: Callable[[str], FileStore], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Supervised]:
    """A supervised job on the store that the test names."""
    home: Path = tmp_path_factory.mktemp(f"job-{request.param}")
    with supervised(home, servers, file_stores(request.param)) as found:
        yield found


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [one for kind in ("passed", "failed") for one in terminalreporter.stats.get(kind, []) if "tests/stores/" in one.nodeid]
    if ALL and reports:
        terminalreporter.section("stores: row, verdict, seconds")
        for one in reports:
            terminalreporter.write_line(f"{one.nodeid.partition('::')[2]:<70} {one.outcome:<7} {one.duration:6.1f}")
