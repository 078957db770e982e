"""The exporter: one look for all who scrape at once, and an answer whatever happens behind it."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.conftest import PROJECT
from tests.unit.metrics.world import World
from weir.errors import BadInput, NotRunning
from weir.metrics.catalogue import METRICS
from weir.metrics.collector import FleetCollector
from weir.metrics.look import Look
from weir.metrics.serve import looks, start

JOB = "web_errors"


def scrape(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return {family.name: family for family in text_string_to_metric_families(answer.read().decode())}


def test_it_serves_every_metric_of_the_catalogue(tmp_path: Path) -> None:
    world = World(tmp_path, JOB)
    world.land(JOB, {"error": 1})
    server, thread = start(lambda: world.looker.look(world.manager), "127.0.0.1", 0)
    try:
        found = scrape(f"http://127.0.0.1:{server.server_port}/metrics")
        assert list(found) == [metric.name.removesuffix("_total") for metric in METRICS]
        assert found["weir_up"].samples[0].value == 1
        assert all(family.documentation for family in found.values())
        with pytest.raises(BadInput, match="--port"):
            start(lambda: world.looker.look(world.manager), "127.0.0.1", server.server_port)
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def test_all_who_scrape_at_the_same_moment_share_one_look() -> None:
    looked: list[int] = []

    def look() -> Look:
        looked.append(1)
        return Look(True, 1.0, 0.1)

    collector = FleetCollector(look, fresh_s=3600)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: list(collector.collect()), range(8)))
    assert len(looked) == 1 and all(answer == answers[0] for answer in answers)


def test_to_register_it_needs_no_look() -> None:
    def never() -> Look:
        raise AssertionError("nobody has scraped")

    assert len(list(FleetCollector(never).describe())) == len(METRICS)


def test_a_manager_that_fails_is_opened_anew_and_one_whose_store_is_away_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world, opened = World(tmp_path, JOB), list[int]()
    failure: list[Exception] = []
    snapshot = world.store.snapshots
    monkeypatch.setattr(world.manager, "close", lambda: None)
    monkeypatch.setattr(world.store, "snapshots", lambda *args: _raise(failure.pop()) if failure else snapshot(*args))

    def connect() -> Any:
        opened.append(1)
        return world.manager

    look = looks(connect)
    world.land(JOB, {"error": 1})
    assert look().up and look().up and len(opened) == 1
    failure.append(NotRunning("Cassandra does not answer."))
    with pytest.raises(NotRunning):
        look()
    assert look().up and len(opened) == 1
    failure.append(RuntimeError("a broken connection"))
    with pytest.raises(RuntimeError):
        look()
    world.land(JOB, {"error": 5})
    (facts,) = look().jobs
    assert len(opened) == 2 and facts.counted is not None and facts.counted.levels["error"] == 5, "counters outlive the manager"


def _raise(error: Exception) -> Any:
    raise error


def test_the_exporter_needs_no_airflow() -> None:
    code = "import sys, weir.metrics.serve, weir.cli.metrics; print([m for m in sys.modules if m.partition('.')[0] == 'airflow'])"
    env = {"PYTHONPATH": f"{PROJECT / 'plugins'}:{PROJECT}"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60, env=env)
    assert done.stdout == "[]\n"


def test_the_command_serves_whether_the_store_is_there_or_not(tmp_path: Path) -> None:
    with socket.socket() as nobody:  # bound, and not listening: whoever connects is refused
        nobody.bind(("127.0.0.1", 0))
        away = {"WEIR_HOME": str(tmp_path), "WEIR_CASSANDRA_HOSTS": "127.0.0.1", "WEIR_CASSANDRA_PORT": str(nobody.getsockname()[1])}
        command = [str(Path(sys.executable).with_name("weir")), "metrics", "--port", "0"]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, **away})
        try:
            assert process.stderr is not None
            address = re.search(r"http://127\.0\.0\.1:\d+/metrics", process.stderr.readline())
            assert address is not None
            assert [sample.value for sample in scrape(address[0])["weir_up"].samples] == [0]
        finally:
            process.terminate()
            process.wait(30)
