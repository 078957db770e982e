"""The jar of the native engine, compiled from `spark_jobs/native` with the Eclipse compiler, once for each state of its sources.

`python -m weir.local.native` prints its path; with the argument `ship` it compiles the jar beside the sources, from where a wheel takes it.
"""

from __future__ import annotations

import fnmatch
import hashlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from weir.errors import StackFailed
from weir.local import jars
from weir.local.part import java
from weir.settings import OWN_JOBS

SOURCES = OWN_JOBS / "native"
WITHIN_S = 600.0  # it takes 4 CPU-s
USED = ("jackson-*", "kafka-clients-*", "scala-library-*", "slf4j-api-*", "spark-*")
OPTIONS = ("-17", "-proc:none", "-g", "-warn:-serial", "-encoding", "UTF-8")
EPOCH = (1980, 1, 1, 0, 0, 0)  # of the files in the jar: the same sources give the same bytes


def jar(others: Sequence[Path]) -> Path:
    """Return the jar's path. `others` are the jars of Spark and of its Kafka source. Compiles it unless it was shipped, or is in the cache.

    Raises StackFailed.
    """
    shipped = SOURCES / name()
    return shipped if shipped.exists() else compiled(others, jars.cache() / "weir-native")


def name() -> str:
    """Return the name of the file, which tells the state of the sources."""
    (compiler,) = jars.locked("compiler")
    told = "\n".join([compiler.sha256, *map(_told, _sources())])
    return f"weir-native-{hashlib.sha256(told.encode()).hexdigest()[:12]}.jar"


def compiled(others: Sequence[Path], into: Path) -> Path:
    """Compile the jar into a folder, unless it is there. Raises StackFailed."""
    made = into / name()
    if not made.exists():
        made.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=made.parent) as folder:
            new = Path(folder) / made.name
            _pack(_classes(others, Path(folder) / "classes"), new)
            new.rename(made)
    return made


def _told(source: Path) -> str:
    return f"{source.name} {hashlib.sha256(source.read_bytes()).hexdigest()}"


def _sources() -> list[Path]:
    return sorted(SOURCES.rglob("*.java"))


def _classes(others: Iterable[Path], to: Path) -> Path:
    (compiler,) = jars.class_path("compiler")
    path = ":".join(str(each) for each in others if any(fnmatch.fnmatch(each.name, one) for one in USED))
    command = [java(), "-jar", str(compiler), *OPTIONS, "-cp", path, "-d", str(to), *map(str, _sources())]
    done = subprocess.run(command, capture_output=True, text=True, timeout=WITHIN_S)
    if done.returncode:
        raise StackFailed(
            f"The native engine could not be compiled: {done.stderr.strip()[-2000:]}", "Set engine: spark in job.yaml meanwhile."
        )
    return to


def _pack(classes: Path, to: Path) -> None:
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as packed:
        for each in sorted(classes.rglob("*.class")):
            packed.writestr(zipfile.ZipInfo(str(each.relative_to(classes)), EPOCH), each.read_bytes())


def main(*arguments: str) -> None:
    from weir.local.spark import driver_jars

    made = driver_jars()[-1]
    sys.stdout.write(f"{shutil.copy(made, SOURCES) if arguments == ('ship',) else made}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
