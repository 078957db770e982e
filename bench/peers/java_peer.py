"""Peers in Java: a class of `java/peers`, compiled by the Eclipse compiler against the jars of its engine."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.peers.peer import Command, Run
from weir.errors import StackFailed
from weir.local import jars
from weir.local.part import IPV4, java

SOURCES = Path(__file__).with_name("java") / "peers"
WITHIN_S = 600.0
COMPILER = ("-17", "-proc:none", "-g", "-warn:none", "-encoding", "UTF-8")
JVM = ("-Xmx1g", "-XX:+UseSerialGC", IPV4)  # two cores: no threads for G1
QUICK = ("-XX:TieredStopAtLevel=1",)


@dataclass
class JavaPeer:
    """`classes` are the source files, the first with `main`; `libraries` fetches the engine's jars into the cache.

    Below `quick_below` lines the JVM compiles with C1 alone, which is cheaper as long as what C2 saves is less than its own work.
    """

    name: str
    classes: tuple[str, ...]
    libraries: Callable[[Path], Sequence[Path]]
    quick_below: float = 0
    jvm: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    sink: str = "nothing"
    _path: str = field(default="", init=False)

    def prepare(self, cache: Path) -> None:
        libraries = self.libraries(cache)
        self._path = os.pathsep.join(
            map(str, [compiled([SOURCES / f"{name}.java" for name in self.classes], libraries, cache), *libraries])
        )

    def command(self, run: Run) -> Command:
        if not self._path:
            raise StackFailed(f"The peer {self.name} was not prepared.", "Call prepare(cache) first.")
        main, compiler = f"peers.{self.classes[0]}", QUICK if run.lines < self.quick_below else ()
        return [java(), *JVM, *compiler, *self.jvm, "-cp", self._path, main, run.kafka, run.topic, str(run.home), *self.arguments], {}


def compiled(files: Sequence[Path], libraries: Sequence[Path], cache: Path) -> Path:
    """Return the folder of the classes, compiled unless this state of their sources is in the cache. Raises StackFailed."""
    digest = hashlib.sha256("\n".join([*(each.name for each in libraries), *(each.read_text() for each in files)]).encode())
    made = cache / f"{files[0].stem}-{digest.hexdigest()[:12]}"
    if not made.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            new = Path(folder) / "classes"
            _compile(files, libraries, new)
            new.rename(made)
    return made


def _compile(files: Sequence[Path], libraries: Sequence[Path], to: Path) -> None:
    (compiler,) = jars.class_path("compiler")
    path = os.pathsep.join(map(str, libraries))
    command = [java(), "-jar", str(compiler), *COMPILER, "-cp", path, "-d", str(to), *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=WITHIN_S)
    if done.returncode:
        why = done.stderr.strip()[-2000:]
        raise StackFailed(f"{files[0].name} could not be compiled: {why}", "Check that `java -version` says 17 or later, then try again.")
