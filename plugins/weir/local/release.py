"""The release that the running supervisor has loaded. After an upgrade `weir up` replaces it and Airflow; servers and drivers continue."""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path

import psutil

from weir.local.part import KEPT
from weir.local.process import Child
from weir.settings import OWN_JOBS, PACKAGE

# The code that supervisor and Airflow keep in memory. Drivers run from their own bundle, and the DAG processor rereads DAGs by itself.
LOADED = (PACKAGE, OWN_JOBS / "protocol", OWN_JOBS / "runtime")


def digest(folders: tuple[Path, ...] = LOADED) -> str:
    """Return a digest (12 hexadecimal digits) of the code that long-lived processes load."""
    found = hashlib.sha256()
    for folder in folders:
        for file in sorted(folder.rglob("*.py")):
            found.update(f"{folder.name}/{file.relative_to(folder)}".encode() + b"\0" + file.read_bytes() + b"\0")
    return found.hexdigest()[:12]


def is_current(supervisor: Child) -> bool:
    """Return whether the supervisor runs the present code. False if it does not say, as in the previous release."""
    with contextlib.suppress(psutil.Error):
        return psutil.Process(supervisor.pid).cmdline()[-1:] == [digest()]
    return False


def other_settings(supervisor: Child) -> dict[str, str]:
    """Return the variables of KEPT that the supervisor has with other values than this process, with those values; "" if it has none.

    Empty, too, if the supervisor's environment cannot be read.
    """
    with contextlib.suppress(psutil.Error, OSError):
        before = psutil.Process(supervisor.pid).environ()
        return {name: before.get(name, "") for name in KEPT if before.get(name, "") != os.environ.get(name, "")}
    return {}
