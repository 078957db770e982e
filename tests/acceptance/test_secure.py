"""The stack as `WEIR_SECURE=1 weir up` starts it: counted exactly through a killed driver, and no secret where others can read."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from weir.cassandra.session import PatientSession
from weir.errors import Prerequisite
from weir.local import cassandra_access, folder, postgres_access

from .conftest import JOB, Stack, generate, one_of_its_kind, until
from .test_main_job import expected, iso

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A secure stack of its own. WEIR_TEST_SECURE_HOME names one that runs already and is left running."""
    if given := os.environ.get("WEIR_TEST_SECURE_HOME"):
        yield Stack(Path(given))
        return
    home = tmp_path_factory.mktemp("secure")
    try:
        postgres_access.programs(home)
    except Prerequisite as lacks:
        pytest.skip(lacks.what)
    stack = Stack(home, env={**os.environ, "WEIR_SECURE": "1"})
    try:
        stack.weir("up", timeout=900)
        yield stack
    finally:
        stack.run("down")


def test_a_killed_driver_loses_and_doubles_nothing(secure: Stack, tmp_path: Path) -> None:
    start = int(datetime(2019, 3, 1, tzinfo=UTC).timestamp() * 1000)
    truth = generate(tmp_path / "load.log", seed=19, lines=60_000, start_ms=start, service=(service := one_of_its_kind("secure")))
    before, attempt = secure.landed()["batch_id"], secure.landed()["attempt"]
    sending = secure.ingest_in_background(tmp_path / "load.log", service, rate=2_000)
    until(lambda: secure.landed()["batch_id"] > before, "a first batch of the load has landed")
    secure.kill(f"driver:{JOB}")
    until(lambda: secure.landed()["attempt"] > attempt, "the next attempt lands a batch")
    output, _ = sending.communicate(timeout=300)
    assert sending.returncode == 0, output
    secure.wait_landed()
    proof = secure.json("recount", JOB)
    assert (proof["missing"], proof["doubled"], proof["unchecked_lines"]) == (0, 0, 0), proof
    panes = [pane for pane, *_ in truth.panes]
    assert secure.counted(iso(min(panes)), iso(max(panes) + 10_000), {service}) == expected(truth)


def test_no_secret_is_where_others_read(secure: Stack) -> None:
    """Arguments of processes, logs, the addresses of the stack, and every table of the store."""
    hidden = list(json.loads((secure.home / "secrets.json").read_text()).values())
    places = {**_arguments(), **_files(secure.home), **_tables(secure.home)}
    assert len(places) > 20
    assert [place for place, text in places.items() if any(secret in text for secret in hidden)] == []


def _arguments() -> dict[str, str]:
    return {f"process {found.pid}": " ".join(found.info["cmdline"] or ()) for found in psutil.process_iter(["cmdline"])}


def _files(home: Path) -> dict[str, str]:
    found = [
        *home.glob("logs/*"),
        *home.glob("airflow/logs/**/*.log"),
        *home.glob("spark/work/**/std*"),
        home / "stack.json",
        home / "state.json",
    ]
    return {str(file): file.read_text(errors="replace") for file in found if file.is_file()}


def _tables(home: Path) -> dict[str, str]:
    stack = folder.load(home)
    where = replace(cassandra_access.address(stack, cassandra_access.READER), keyspace="weir")
    with closing(PatientSession(where, 60.0)) as session:
        names = [row.table_name for row in session.execute("SELECT table_name FROM system_schema.tables WHERE keyspace_name = 'weir'")]
        return {f"table {name}": str(session.execute(f"SELECT * FROM {name} LIMIT 5000")) for name in names}
