"""The checks before a deploy: the application can be imported, the schema exists, and the cluster has room."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import BadZipFile, ZipFile

from weir.jobs.bundle import Made
from weir.jobs.landed_spec import LandedSpec
from weir.jobs.spec import JobSpec, PlainSpec, Resources
from weir.ports.room import Need, Room, shortage, size
from weir.supervise.judge.plan import Check

WITHIN_S = 60.0  # an import takes a second or two; ten times as long on a busy machine
LAST_LINES = 3
WARNING = "warning"
Rehearse = Callable[[Path, JobSpec], Check]  # the folder for the driver's path, with the code of the job as in a bundle

# This runs the module-level code and all imports; since the name is not __main__, nothing is started.
IMPORT = "import runpy, sys; runpy.run_path(sys.argv[1], run_name='weir_rehearsal')"
# A pipeline is a module of its job's package, as its driver imports it: it may import relative to it.
IMPORT_MODULE = "import importlib, sys; importlib.import_module(sys.argv[1])"
# A user's own script may start its query at module level: so it is only compiled, and its imports are only looked up.
LOOK = """
import ast, importlib.util, pathlib, sys
file = pathlib.Path(sys.argv[1])
sys.path.insert(0, str(file.parent))
for node in ast.parse(file.read_bytes(), file.name).body:
    names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
    names += [node.module] if isinstance(node, ast.ImportFrom) and not node.level else []
    for name in names:
        if importlib.util.find_spec(name.partition('.')[0]) is None:
            sys.exit(f"No module named {name.partition('.')[0]!r}")
"""


def application(made: Made, rehearse: Rehearse) -> Check:
    """Check that the present code can be imported, laid out as in a bundle."""
    with TemporaryDirectory(prefix="weir-") as folder:
        made.copy_to(Path(folder))
        return rehearse(Path(folder), made.spec)


def rehearsal(python: str, within_s: float = WITHIN_S) -> Rehearse:
    """Return a check that imports an application with the driver's Python and path, or looks for the main class in a JAR."""

    def rehearse(folder: Path, spec: JobSpec) -> Check:
        if not (folder / spec.entry).is_file():
            return Check("application", False, f"{spec.program} is missing from the folder of the spec")
        if isinstance(spec, PlainSpec) and spec.jar:
            return _jar(folder / spec.entry, spec)
        return _python(python, within_s, folder, spec)

    return rehearse


def _python(python: str, within_s: float, folder: Path, spec: JobSpec) -> Check:
    env = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [python, "-c", *_trial(folder, spec)]
    try:
        done = subprocess.run(command, env=env, cwd=folder, capture_output=True, text=True, timeout=within_s, check=False)
    except subprocess.TimeoutExpired:
        return Check(
            "application",
            False,
            f"{spec.program} was still being imported after {within_s:.0f} s: does it start something at module level?",
        )
    except OSError as error:
        return Check("application", None, f"the driver's Python, {python}, cannot be tried here: {error.strerror}")
    if done.returncode:
        return Check("application", False, f"{spec.program} cannot be imported: {_last(done.stderr) or f'exit code {done.returncode}'}")
    return Check("application", True, f"{spec.program} can be imported")


def _trial(folder: Path, spec: JobSpec) -> tuple[str, str]:
    if isinstance(spec, LandedSpec):
        return IMPORT_MODULE, spec.module
    return IMPORT if spec.kind.uses_runtime else LOOK, str(folder / spec.entry)


def _jar(file: Path, spec: PlainSpec) -> Check:
    try:
        with ZipFile(file) as jar:
            there = f"{spec.main_class.replace('.', '/')}.class" in jar.namelist()
    except (BadZipFile, OSError) as error:
        return Check("application", False, f"{spec.jar} is not a JAR: {error}")
    return Check("application", there, f"{spec.main_class} {'is' if there else 'is not'} in {spec.jar}")


def not_rehearsed(folder: Path, spec: JobSpec) -> Check:
    """Check nothing: for managers without a driver's Python."""
    return Check("application", None, f"{spec.program} was not imported")


def kept(compacted: Sequence[str], claimed: Sequence[str]) -> tuple[Check, ...]:
    """Warn about topics that are compacted, and about those whose producers set the time of a record."""
    found = []
    if compacted:
        text = "Kafka deletes older lines, also before they are counted, and no recount can check them"
        found.append(Check("compaction", None, f"{', '.join(compacted)}: {text}: {_alter(compacted, 'cleanup.policy=delete')}", WARNING))
    if claimed:
        text = "a producer's date counts as the arrival of a line, up to the end of the hour in which it is read"
        found.append(
            Check("times", None, f"{', '.join(claimed)}: {text}: {_alter(claimed, 'message.timestamp.type=LogAppendTime')}", WARNING)
        )
    return tuple(found)


def _alter(topics: Sequence[str], setting: str) -> str:
    each = (f"kafka-configs.sh --bootstrap-server ADDRESS --alter --topic {topic} --add-config {setting}" for topic in topics)
    return "; ".join(each)


def tables(pending: Sequence[str]) -> Check:
    if pending:
        lacks = ", ".join(pending)
        return Check("tables", False, f"the store lacks {lacks}: weir up applies them on the embedded stack, weir migrate elsewhere")
    return Check("tables", True, "the schema of this release")


def resources(needs: Resources, room: Room | None, leaves: Collection[str] = (), called: Callable[[str], str] = str) -> Check:
    """Check that the cluster has room now. A cluster that is large enough, and busy, refuses nothing: the driver waits.

    `leaves` are the users of room that a deploy ends first, `called` names a user.
    """
    if room is None:
        return Check("resources", None, "the cluster's resources are unknown, or it has no worker now; a driver waits for one")
    wanted = list(_needs(needs))
    cores, memory = sum(need.cores for need in wanted), max(need.memory for need in wanted)
    asked = f"{cores} cores, and {size(memory)} on one worker, of {room.cores} cores and {size(room.memory)}"
    if cores > room.cores or memory > room.memory:
        return Check("resources", False, asked)
    if not room.workers:
        return Check("resources", None, f"{asked}; what is free is unknown")
    why = shortage(wanted, room, leaves, called)
    return Check("resources", None, f"{why}; the driver waits for room", "WAITS") if why else Check("resources", True, f"{asked}, free now")


def _needs(needs: Resources) -> Sequence[Need]:
    driver = Need("driver", 1, mebibytes(needs.driver_memory))
    each = max(1, needs.cores // needs.executors) if needs.executors else 0
    return [driver, *[Need("executor", each, mebibytes(needs.executor_memory))] * needs.executors]


def mebibytes(memory: str) -> int:
    """Parse a spec's memory, such as `768m` or `1g`, to MiB."""
    return int(memory[:-1]) * (1024 if memory.endswith("g") else 1)


def _last(text: str) -> str:
    return " / ".join(line.strip() for line in text.strip().splitlines()[-LAST_LINES:])[-500:]
