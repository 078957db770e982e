"""The jar of the native engine, compiled from `spark_jobs/native` with the Eclipse compiler, once for each state of its sources.

`python -m weir.local.native` prints its path; with the argument `ship` it copies the jar beside the sources, from where a wheel takes it.
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

from spark_jobs.sources import native_jar
from weir.errors import StackFailed
from weir.local import jars
from weir.local.part import java

WITHIN_S = 600.0  # it takes 4 CPU-s
USED = ("jackson-*", "kafka-clients-*", "scala-library-*", "slf4j-api-*", "spark-*")
OPTIONS = ("-17", "-proc:none", "-g", "-warn:-serial", "-encoding", "UTF-8")
EPOCH = (1980, 1, 1, 0, 0, 0)  # of the files in the jar: the same sources give the same bytes


def jar(others: Sequence[Path]) -> Path:
    """Return the jar's path. `others` are the jars of Spark and of its Kafka source. Compiles it unless it was shipped, or is in the cache.

    Raises StackFailed.
    """
    shipped = native_jar.FOLDER / name()
    return shipped if shipped.exists() else compiled(others, jars.cache() / "weir-native")


def name() -> str:
    """Return the jar's file name. It contains a hash of the compiler and the sources."""
    (compiler,) = jars.locked("compiler")
    told = f"{compiler.sha256} {native_jar.digest()}"
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


def _classes(others: Iterable[Path], to: Path) -> Path:
    (compiler,) = jars.class_path("compiler")
    path = ":".join(str(each) for each in others if any(fnmatch.fnmatch(each.name, one) for one in USED))
    command = [java(), "-jar", str(compiler), *OPTIONS, "-cp", path, "-d", str(to), *map(str, native_jar.files())]
    done = subprocess.run(command, capture_output=True, text=True, timeout=WITHIN_S)
    if done.returncode:
        why = done.stderr.strip()[-2000:]
        raise StackFailed(f"The native engine could not be compiled: {why}", "Check that `java -version` says 17 or later, then try again.")
    return to


def _pack(classes: Path, to: Path) -> None:
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as packed:
        for each in sorted(classes.rglob("*.class")):
            packed.writestr(zipfile.ZipInfo(str(each.relative_to(classes)), EPOCH), each.read_bytes())
        packed.writestr(zipfile.ZipInfo(native_jar.DIGEST, EPOCH), native_jar.digest())


def main(*arguments: str) -> None:
    from weir.local.spark import driver_jars

    made = driver_jars()[-1]
    if arguments == ("ship",) and made.parent != native_jar.FOLDER:
        made = Path(shutil.copy(made, native_jar.FOLDER))
    sys.stdout.write(f"{made}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
