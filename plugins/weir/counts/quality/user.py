"""The user of a container may have neither a name nor a home, which Great Expectations asks for when it is imported."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def need_a_home() -> None:
    """Set HOME to the folder of temporary files if this user has no home, as in containers that run under any user id."""
    try:
        Path.home()
    except (RuntimeError, KeyError):
        os.environ["HOME"] = tempfile.gettempdir()
