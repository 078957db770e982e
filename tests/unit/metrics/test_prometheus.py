"""Rules and dashboards on a real Prometheus, which scrapes the product's own exporters over streams in memory.

Debian has it all: apt-get install prometheus prometheus-alertmanager. Without, these tests are skipped and say so.
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.metrics.deployed import DASHBOARDS, DEPLOY, RULES, needs, queries, rules
from tests.unit.metrics.world import World
from weir.collect.counters import Counters
from weir.collect.metrics import families, values
from weir.collect.serve import serve as collector
from weir.collect.spool.spool import Waiting
from weir.counts.proven import Proven
from weir.metrics.look import Look
from weir.metrics.serve import start

JOB, SPAN = "web_errors", "15s"  # the span of every rate: so long is waited at the least
VARIABLES = {"$weir_job": JOB, "$__rate_interval": SPAN, "$__interval": SPAN, "[1h]": f"[{SPAN}]"}
WITHIN_S = 90.0


def run(*command: str, cwd: Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@needs("promtool", "prometheus")
def test_promtool_accepts_the_example_and_the_rules() -> None:
    assert "SUCCESS" in run("promtool", "check", "config", "prometheus.yml", cwd=RULES.parent)
    assert f"{len(rules())} rules found" in run("promtool", "check", "rules", RULES.name, cwd=RULES.parent)


@needs("promtool", "prometheus")
def test_the_alerts_fire_when_they_should_and_not_before() -> None:
    assert "SUCCESS" in run("promtool", "test", "rules", "tests.yml", cwd=RULES.parent)


@needs("amtool", "prometheus-alertmanager")
def test_amtool_accepts_the_example_and_routes_each_alert() -> None:
    folder = DEPLOY / "alertmanager"
    run("amtool", "check-config", "alertmanager.yml", cwd=folder)
    for rule in rules():
        labels = (f"alertname={rule['alert']}", f"severity={rule['labels']['severity']}")
        routed = run("amtool", "config", "routes", "test", "--config.file=alertmanager.yml", *labels, cwd=folder).strip()
        assert routed == {"page": "pager", "ticket": "tickets", "none": "outside"}[rule["labels"]["severity"]]


class Prometheus:
    """A real one on a free port, with its data in a folder of the test."""

    def __init__(self, folder: Path, exporter: int, collector: int) -> None:
        config = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(RULES)],
            "scrape_configs": [
                {"job_name": name, "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}
                for name, port in (("weir", exporter), ("weir-collect", collector))
            ],
        }
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.url = f"http://127.0.0.1:{free.getsockname()[1]}"
        options = [f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
        self._log = (folder / "prometheus.log").open("w")
        self._process = subprocess.Popen(
            ["prometheus", *options, f"--web.listen-address={self.url.removeprefix('http://')}"],
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )

    def query(self, query: str) -> list[Any]:
        """What an instant query finds. Raises OSError for one that is not right."""
        with urllib.request.urlopen(f"{self.url}/api/v1/query?{urllib.parse.urlencode({'query': query})}", timeout=10) as answer:
            found: list[Any] = json.load(answer)["data"]["result"]
        return found

    def rules(self) -> list[Any]:
        with urllib.request.urlopen(f"{self.url}/api/v1/rules", timeout=10) as answer:
            return [rule for group in json.load(answer)["data"]["groups"] for rule in group["rules"]]

    def is_ready(self) -> bool:
        try:
            return bool(self.query("weir_up == 1"))
        except OSError:
            return False

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(30)
        self._log.close()


class Busy:
    """A fleet in which something of everything happens, each time that it is asked to."""

    def __init__(self, folder: Path) -> None:
        self.world, self._turn = World(folder, JOB, "another", now=time.time()), threading.Lock()
        self.collected = Counters(reached=True, dropped=lambda: 0)
        world = self.world
        world.land(JOB, {"error": 2, "notice": 1}, {"empty": 1})
        world.store.put_proven(JOB, Proven((1, 0), 1, world.now - 5000, None, world.now, 4, 3).dump(), 1)
        world.store.put_recount(JOB, {"missing": 0, "doubled": 0, "at": world.now})
        world.manager.hold(JOB, "ana", "to see the mark")

    def look(self) -> Look:
        with self._turn:
            return self.world.looker.look(self.world.manager)

    def collector(self) -> list[Any]:
        return families(values(self.collected, 100, 1000, Waiting(10, int(1000 * time.time())), time.time()))

    def go_on(self) -> None:
        self.collected.lines += 1
        world = self.world
        with self._turn:
            world.clock.now = time.time()
            world.send(JOB, 5)
            world.land(JOB, {"error": 2, "notice": 1}, {"empty": 1}, late=1)
            world.manager.restart(JOB, who="ana", reason="to see the mark")


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Prometheus, Busy]]:
    busy = Busy(tmp_path_factory.mktemp("fleet"))
    server, thread = start(busy.look, "127.0.0.1", 0, fresh_s=-1)
    collecting = collector("127.0.0.1", 0, busy.collector, dict)
    real = Prometheus(tmp_path_factory.mktemp("prometheus"), server.server_port, collecting.server_port)
    try:
        _await(real.is_ready, busy)
        yield real, busy
    finally:
        real.close()
        collecting.shutdown()
        collecting.server_close()
        server.shutdown()
        server.server_close()
        thread.join(10)


@needs("prometheus", "prometheus")
@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda path: path.stem)
def test_every_query_of_a_dashboard_finds_something(prometheus: tuple[Prometheus, Busy], dashboard: Path) -> None:
    real, busy = prometheus
    waiting = {(title, concrete(query)) for title, query in queries(dashboard)}
    assert waiting and not [query for _, query in waiting if "$" in query]

    def all_found() -> bool:
        waiting.difference_update({(title, query) for title, query in waiting if real.query(query)})
        return not waiting

    _await(all_found, busy, lambda: f"nothing was found for {waiting}")


@needs("prometheus", "prometheus")
def test_every_alert_is_evaluated_and_a_real_trouble_becomes_one(prometheus: tuple[Prometheus, Busy]) -> None:
    real, busy = prometheus
    busy.world.store.put_recount("another", {"missing": 3, "doubled": 0, "at": busy.world.now})
    _await(lambda: bool(real.query('ALERTS{alertname="WeirCountsDiffer", alertstate="firing", weir_job="another"}')), busy)
    _await(lambda: {rule["health"] for rule in real.rules()} == {"ok"}, busy, lambda: str(real.rules()))
    assert sorted(rule["name"] for rule in real.rules()) == sorted(rule["alert"] for rule in rules())


def concrete(query: str) -> str:
    """A query of a dashboard as Grafana would send it, with spans that fit into a test."""
    return re.sub("|".join(map(re.escape, VARIABLES)), lambda found: VARIABLES[found[0]], query)


def _await(condition: Callable[[], bool], busy: Busy, otherwise: Callable[[], str] = lambda: "it did not happen in time") -> None:
    deadline = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < deadline, otherwise()
        busy.go_on()
        time.sleep(0.5)
