"""Programs with a Spark of their own, which tests end by `kill -9`."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from tests.conftest import PROJECT


@contextlib.contextmanager
def running(module: str, home: Path, attempt: int, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a module with `home`, `attempt` and the other arguments; kill it with its JVM at the end. Its output is `<attempt>.log`."""
    with started([sys.executable, "-m", module, str(home), str(attempt), *arguments], home / f"{attempt}.log") as process:
        yield process


@contextlib.contextmanager
def started(command: Sequence[str], log: Path, more: Mapping[str, str] = MappingProxyType({})) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command; kill it with its JVM at the end. `more` is added to its environment."""
    path = f"{PROJECT}{os.pathsep}{PROJECT / 'plugins'}"
    env = {**os.environ, "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1", "PYTHONPATH": path, **more}
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=env, start_new_session=True, cwd=PROJECT)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
