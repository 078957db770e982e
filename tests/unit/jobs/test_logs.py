"""A driver's log lines, as the driver writes them: in a process of its own, since logging is set up once for all of it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from tests.conftest import PROJECT

DRIVER = """
import logging
from spark_jobs.runtime import logs
from spark_jobs.runtime.contract import CassandraAddress, JobArguments
lines = logs.set_up(JobArguments("counts", 7, 2, "v1", "file:///c", "kafka", "logs", CassandraAddress(("host",))))
log = logging.getLogger("weir.driver")
log.info("the query runs: %s", "x")
lines.batch = lambda: 41
log.warning('two\\nlines, a "quote" and \\u202e\\ud800')
logging.getLogger("py4j").info("noise")
try:
    raise ValueError("no")
except ValueError:
    log.exception("the driver ends: %s", "failed")
"""


def said(form: str) -> list[str]:
    env = {"PYTHONPATH": str(PROJECT), "WEIR_LOG_FORMAT": form}
    done = subprocess.run([sys.executable, "-c", DRIVER], capture_output=True, text=True, check=True, timeout=60, env=env)
    return done.stderr.splitlines()


def test_json_has_an_object_a_line_and_says_whose_it_is() -> None:
    first, second, third = [dict[str, Any](json.loads(line)) for line in said("json")]
    assert {(line["job"], line["epoch"], line["attempt"], line["logger"]) for line in (first, second, third)} == {
        ("counts", 2, 7, "weir.driver")
    }
    assert (first["level"], first["batch"], first["message"]) == ("info", None, "the query runs: x")
    assert (second["level"], second["batch"], second["message"]) == ("warning", 41, 'two\nlines, a "quote" and \u202e\ud800')
    assert third["message"] == "the driver ends: failed" and third["error"].endswith("ValueError: no") and "error" not in first
    assert all(len(line["time"]) == len("2026-01-31T12:00:00.000Z") and line["time"].endswith("Z") for line in (first, second, third))


def test_text_says_whose_it_is() -> None:
    assert "INFO job=counts epoch=2 attempt=7 the query runs: x" in said("text")[0]
