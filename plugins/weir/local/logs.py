"""Find logs: of a part, of a job's newest driver, of an Airflow task."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from weir.errors import BadInput

POLL_S = 0.1
# What Airflow reports after the error of a task, and which says nothing about it.
BESIDE = ("Failed to push an xcom for task operator extra link",)
HEAD = 16 * 1024  # bytes; a driver's log begins with its launch command, which names the job


def of_part(home: Path, part: str) -> list[Path]:
    """Return the log files of a part, of `supervisor`, of `driver:JOB` or `standby:JOB`. Raises BadInput that lists the names."""
    folder, (kind, _, job) = home / "logs", part.partition(":")
    files = of_driver(home, job, kind == "standby") if kind in ("driver", "standby") else [folder / f"{part}.log"]
    if not files or not files[0].exists() or "/" in part:
        names = ", ".join(sorted(path.stem for path in folder.glob("*.log"))) or "none yet"
        raise BadInput(f"There is no log of {part!r}.", f"There are: {names}.")
    return files


def of_driver(home: Path, job: str, standby: bool = False) -> list[Path]:
    """Return stderr (Spark's log) and stdout (Python's, with tracebacks) of the job's newest driver, or of its newest waiting standby; none
    if it never ran here."""
    logs = [path for path in (home / "spark" / "work").glob("driver-*/stderr") if f"weir:{job}:".encode() in _beginning(path)]
    found = [path for path in logs if _waits(path, job) is standby]
    if not found:
        return []
    newest = max(found, key=lambda path: path.stat().st_mtime)
    return [path for path in (newest, newest.with_name("stdout")) if path.exists()]


def _waits(log: Path, job: str) -> bool:
    """Return whether this is the log of a waiting standby: a promoted one says so in its first lines."""
    return f"weir:{job}:standby".encode() in _beginning(log) and b"is called up" not in _beginning(log.with_name("stdout"))


def _beginning(log: Path) -> bytes:
    if not log.exists():
        return b""
    with log.open("rb") as file:
        return file.read(HEAD)


def of_dag(home: Path, dag: str) -> Path | None:
    """Return the newest task log of a DAG."""
    found = (home / "airflow" / "logs" / f"dag_id={dag}").glob("run_id=*/task_id=*/**/attempt=*.log")
    return max(found, key=lambda path: path.stat().st_mtime, default=None)


def task_errors(log: Path) -> str:
    """Return the errors in a task's log of JSON lines, one indented line each."""
    lines = (json.loads(line) for line in log.read_text(errors="replace").splitlines() if line.startswith("{"))
    errors = [line for line in lines if line.get("level") in ("error", "critical") and line.get("event") not in BESIDE]
    return "\n".join(f"    {_sentence(error)}" for error in errors) or "    (no error in its log)"


def _sentence(error: dict[str, object]) -> str:
    causes = error.get("error_detail")
    first = causes[0] if isinstance(causes, list) and causes else None
    return f"{error.get('event')}: {first['exc_value']}" if first else str(error.get("event"))


def tail(files: list[Path], follow: bool, lines: int) -> Iterator[str]:
    """Yield the last `lines` lines of each file, then, with `follow`, new ones as they come. A truncated file is read from its start."""
    opened = [(file, file.open(errors="replace")) for file in files]
    for _, log in opened:
        yield from log.readlines()[-lines:]
    while follow:
        new = [line for file, log in opened for line in _new_lines(file, log)]
        yield from new
        if not new:
            time.sleep(POLL_S)


def _new_lines(file: Path, log: TextIO) -> list[str]:
    if file.stat().st_size < log.tell():
        log.seek(0)
    return log.readlines()
