"""Spark's History Server: the pages of drivers that have ended, from their event logs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from weir.local.part import Part, Stack, get_json, properties, told
from weir.local.spark import daemon, daemon_env, prepare_logging

SWITCH = "WEIR_HISTORY"  # 1: the stack has a History Server, and drivers write event logs. 0: no more. Read by `weir up` at a start
KEEP, LOOK_EVERY = "7d", "1h"  # event logs of ended drivers, and how often old ones are looked for
# A stream writes its log for months: of a running driver's log what no page needs any more is dropped, but for so many files.
FILES_KEPT = 3


def part(stack: Stack, logs: str, more: Mapping[str, str] = {}, jars: Sequence[str] = ()) -> Part:
    """Return the server of the event logs at a URI. `more` and `jars` are what a driver needs to reach it."""
    conf = stack.home / "spark" / "conf" / "spark-history.conf"
    return Part(
        name="spark-history",
        address=stack.address("spark_history"),
        command=(*daemon(stack, "history"), "org.apache.spark.deploy.history.HistoryServer", "--properties-file", str(conf)),
        env=daemon_env(stack, *jars),
        log=stack.log("spark-history"),
        probe=told(lambda: "" if isinstance(applications(stack), list) else "is not ready"),
        prepare=lambda: _prepare(stack, logs, more),
        ready_s=180,
        cwd=stack.folder("spark"),
    )


def logs(stack: Stack) -> Path:
    """Return the folder of the event logs of this stack's drivers."""
    return stack.folder("event_logs")


def applications(stack: Stack) -> list[Mapping[str, object]]:
    """Return the applications that the server shows. Raises OSError."""
    found: list[Mapping[str, object]] = get_json(f"http://{stack.address('spark_history')}/api/v1/applications")
    return found


def _prepare(stack: Stack, logs: str, more: Mapping[str, str]) -> None:
    settings = {
        "spark.history.fs.logDirectory": logs,
        "spark.history.ui.port": stack.ports["spark_history"],
        "spark.history.fs.cleaner.enabled": "true",
        "spark.history.fs.cleaner.maxAge": KEEP,
        "spark.history.fs.cleaner.interval": LOOK_EVERY,
        "spark.history.fs.eventLog.rolling.maxFilesToRetain": FILES_KEPT,
        **more,
    }
    (stack.folder("spark/conf") / "spark-history.conf").write_text(properties(settings))
    prepare_logging(stack)
