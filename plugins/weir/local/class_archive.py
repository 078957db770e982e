"""The classes of a driver, archived once for each installation: a start maps them instead of reading, checking and linking each.

A rehearsal of the job took 35 CPU-s without the archive and 24 with it. The JVM makes it when a rehearsal of the job ends
(https://openjdk.org/jeps/350; see `rehearse`) and takes it only for the very same class path, in which no folder may hold files: so drivers
find their settings in their environment. Without an archive, or with one that does not fit, they start as ever.
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

from weir.local.part import java


def place() -> Path:
    """Where an installation keeps its archives; of one installation, since they hold its paths."""
    path = Path(sys.prefix) / "var" / "weir"
    path.mkdir(parents=True, exist_ok=True)
    return path


def no_settings() -> Path:
    """The folder that Spark is told to look for settings in, and that stays empty."""
    path = place() / "conf"
    path.mkdir(exist_ok=True)
    return path


def class_path(spark: Path) -> str:
    """A driver's class path, letter by letter as Spark's worker writes it (AbstractCommandBuilder.buildClassPath)."""
    first = sorted((spark / "jars").glob("slf4j-api-*.jar"))
    return os.pathsep.join([f"{no_settings()}{os.sep}", *map(str, first), str(spark / "jars" / "*")])


def archive(spark: Path) -> Path:
    """The archive for this Java and these jars, whether it is there or not."""
    known = [os.path.realpath(java()), class_path(spark), *sorted(jar.name for jar in (spark / "jars").glob("*.jar"))]
    return place() / f"classes-{hashlib.sha256(chr(10).join(known).encode()).hexdigest()[:16]}.jsa"


def options(spark: Path) -> str:
    """What makes a JVM use the archive if it can, for JDK_JAVA_OPTIONS."""
    return f'-Xshare:auto "-XX:SharedArchiveFile={archive(spark)}" -Xlog:cds=off -Xlog:class+path=off'
