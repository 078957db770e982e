"""The jar of the native engine on a driver's class path, and the sources that belong to this code."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from py4j.java_gateway import JavaClass

FOLDER = Path(__file__).resolve().parents[1] / "native"
DIGEST = "weir/sources.sha256"  # the file of a jar that has the digest of its sources


@cache
def digest() -> str:
    """Return the digest of the sources beside this code. A jar that was compiled from others may read lines in another way."""
    told = [f"{file.name} {hashlib.sha256(file.read_bytes()).hexdigest()}" for file in files()]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()


def files() -> list[Path]:
    return sorted(FOLDER.rglob("*.java"))


def is_there(jvm: Any) -> bool:
    """Return whether a jar of the native engine is on the driver's class path: a class that is not there is a package to py4j."""
    return isinstance(jvm.weir.kafka.Paced, JavaClass)
