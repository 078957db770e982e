"""The class data archive of drivers, made once for each installation: a start maps it instead of reading, checking and linking classes.

A rehearsal of the job took 35 CPU-s without the archive and 24 with it. The JVM makes it when a rehearsal of the job ends
(https://openjdk.org/jeps/350; see `rehearse`) and takes it only for the very same class path, in which no folder may hold files: so drivers
find their settings in their environment. Without an archive, or with one that does not fit, they start normally.
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

from weir.local.part import java


def place() -> Path:
    """Return the folder of this installation's archives, which contain its paths."""
    path = Path(sys.prefix) / "var" / "weir"
    path.mkdir(parents=True, exist_ok=True)
    return path


def no_settings() -> Path:
    """Return Spark's folder of settings, which stays empty."""
    path = place() / "conf"
    path.mkdir(exist_ok=True)
    return path


def class_path(spark: Path) -> str:
    """Return a driver's class path, exactly as Spark's worker builds it (AbstractCommandBuilder.buildClassPath)."""
    first = sorted((spark / "jars").glob("slf4j-api-*.jar"))
    return os.pathsep.join([f"{no_settings()}{os.sep}", *map(str, first), str(spark / "jars" / "*")])


def archive(spark: Path) -> Path:
    """Return the path of the archive for this Java and these jars; the file may not exist."""
    known = [os.path.realpath(java()), class_path(spark), *sorted(jar.name for jar in (spark / "jars").glob("*.jar"))]
    return place() / f"classes-{hashlib.sha256(chr(10).join(known).encode()).hexdigest()[:16]}.jsa"


def options(spark: Path) -> str:
    """Return the JDK_JAVA_OPTIONS that make a JVM use the archive if it can."""
    return f'-Xshare:auto "-XX:SharedArchiveFile={archive(spark)}" -Xlog:cds=off -Xlog:class+path=off'
