"""Airflow: its parts are healthy, and its DAG processor can read Weir's DAGs."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from weir.doctor.line import Line, fine, unknown, wrong
from weir.errors import NotRunning
from weir.http import Api, within
from weir.settings import Settings, carried

TIMEOUT_S = 5.0
PARSE_S = 60.0
DAGS = carried("dags")
PARTS = ("metadatabase", "scheduler", "triggerer", "dag_processor")
BUNDLE = {"name": "weir", "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle", "kwargs": {"path": str(DAGS)}}
# Each file is run as the DAG processor runs it. The last line of an error is a sentence of Weir's, or Python's own.
PARSE = """
import runpy, sys, traceback
bad = 0
for file in sys.argv[1:]:
    try:
        runpy.run_path(file)
    except BaseException as error:
        bad += 1
        print(f"{file}: {traceback.format_exception_only(error)[-1].strip()}")
sys.exit(bool(bad))
"""


def airflow(settings: Settings, embedded: bool) -> Iterator[Line]:
    yield from health(settings.airflow_url)
    if not embedded:
        yield bundle(os.environ)


def health(url: str) -> Iterator[Line]:
    answer = Api(url, TIMEOUT_S).get("/api/v2/monitor/health")
    if answer is None:
        advice = "Correct WEIR_AIRFLOW_URL, or start Airflow. The embedded stack: weir up"
        yield wrong("Airflow", f"does not answer at {url}", advice, NotRunning.code)
        return
    for part in PARTS:
        status = within(answer.body, part, "status")
        name = f"Airflow's {part.replace('_', ' ')}"
        if status == "healthy":
            yield fine(name, "healthy")
        else:
            yield wrong(name, f"Airflow reports it as {status or 'missing'}", "Start it, and look at its log.", NotRunning.code)


def parsed() -> Line:
    """Run Weir's DAG files in a process of their own, with this Python."""
    check = "Weir's DAGs"
    if importlib.util.find_spec("airflow") is None:
        return unknown(check, "Airflow is not installed in this Python", "Run `weir doctor` with Airflow's Python, too.")
    files = [str(file) for file in sorted(DAGS.glob("*.py"))]
    with TemporaryDirectory(prefix="weir-") as folder:  # Airflow writes a configuration where there is none
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        env.setdefault("AIRFLOW_HOME", folder)
        try:
            done = subprocess.run(
                [sys.executable, "-c", PARSE, *files], env=env, cwd=folder, capture_output=True, text=True, timeout=PARSE_S, check=False,
                stdin=subprocess.DEVNULL,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return unknown(check, f"reading them took longer than {PARSE_S:.0f} s", "Repeat the command.")
    if done.returncode:
        told = done.stdout.strip().splitlines() or done.stderr.strip().splitlines()
        return wrong(check, f"cannot be read: {told[-1] if told else 'no message'}", "Fix what the message names.")
    return fine(check, f"{len(files)} files can be read here")


def bundle(environment: Mapping[str, str]) -> Line:
    """Check that the user's own Airflow knows where Weir's DAGs are: by a bundle, or a link in its DAGs folder."""
    entry = json.dumps([BUNDLE])
    configured = environment.get("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST", "")
    home = Path(environment.get("AIRFLOW_HOME") or Path(environment.get("HOME") or "/") / "airflow")
    if str(DAGS) in configured or any(_leads_here(each) for each in _entries(home / "dags")):
        return fine("DAG bundle", f"Airflow's settings name {DAGS}")
    file = home / "airflow.cfg"
    if os.access(file, os.R_OK) and str(DAGS) in file.read_text(errors="replace"):
        return fine("DAG bundle", f"{file} names {DAGS}")
    advice = f"Link {DAGS} into its DAGs folder, or add to dag_bundle_config_list in [dag_processor]: {entry[1:-1]}"
    return unknown("DAG bundle", "it cannot be seen from here whether your Airflow knows Weir's DAGs", advice)


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _leads_here(place: Path) -> bool:
    try:
        return place.resolve() == DAGS.resolve()
    except (OSError, RuntimeError):
        return False
