"""Build the API server in the background from the start of a run, if the cache lacks it: 8 minutes of CPU, hidden behind other tests."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys

import pytest

from tests.kubernetes import binaries

SERVERS = ("etcd", "kube-apiserver")
BUILD = f"from tests.kubernetes import binaries; binaries.built(*{SERVERS})"
STARTED = pytest.StashKey[subprocess.Popen[bytes]]()


def pytest_collection_finish(session: pytest.Session) -> None:
    wanted = any(item.path.name == "test_manifests.py" for item in session.items) and not session.config.option.collectonly
    if wanted and binaries.missing(*SERVERS) and shutil.which("go"):
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "GOFLAGS": "-p=1"}  # the other tests need the second core
        command = ["nice", "-n", "10", sys.executable, "-c", BUILD]
        session.config.stash[STARTED] = subprocess.Popen(command, env=env, start_new_session=True, stdout=subprocess.DEVNULL)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """End a build that nobody waits for any more, with its compilers. What was compiled stays in Go's own cache."""
    build = session.config.stash.get(STARTED, None)
    if build and build.poll() is None:
        os.killpg(build.pid, signal.SIGTERM)
        build.wait()
