"""The jar of the native engine, compiled from `spark_jobs/native` with the Eclipse compiler, once for each state of its sources."""

from __future__ import annotations

import fnmatch
import hashlib
import subprocess
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
    """Return the jar's path. `others` are the jars of Spark and of its Kafka source. Compiles it unless it is in the cache.

    Raises StackFailed.
    """
    sources = sorted(SOURCES.rglob("*.java"))
    (compiler,) = jars.locked("compiler")
    digest = hashlib.sha256("\n".join([compiler.sha256, *map(_told, sources)]).encode()).hexdigest()[:12]
    made = jars.cache() / "weir-native" / f"weir-native-{digest}.jar"
    if not made.exists():
        made.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=made.parent) as folder:
            new = Path(folder) / made.name
            _pack(_compiled(sources, others, Path(folder) / "classes"), new)
            new.rename(made)
    return made


def _told(source: Path) -> str:
    return f"{source.name} {hashlib.sha256(source.read_bytes()).hexdigest()}"


def _compiled(sources: Iterable[Path], others: Iterable[Path], to: Path) -> Path:
    (compiler,) = jars.class_path("compiler")
    path = ":".join(str(each) for each in others if any(fnmatch.fnmatch(each.name, one) for one in USED))
    command = [java(), "-jar", str(compiler), *OPTIONS, "-cp", path, "-d", str(to), *map(str, sources)]
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
