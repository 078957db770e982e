"""The arrows between folders point one way. The table says what each may import."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.conftest import PROJECT

ROOTS = (PROJECT / "plugins", PROJECT)
TOPS = ("weir", "spark_jobs", "dags", "drill", "bench", "tests")
ANY = ("drill", "bench", "tests")  # not for production: these may import anything, and nothing else imports them
SUPERVISE = "weir.supervise.judge weir.supervise.observe weir.supervise.start weir.supervise.act"
DOORS = f"weir.supervise {SUPERVISE} weir.supervise.manager weir.supervise.epochs weir.supervise.actions weir.supervise.shared"
BASICS = "weir.errors weir.system_errors weir.times weir.settings weir.output"

# Folder or module: what it may import beside itself. From the bottom up; a module of a folder may have a line of its own.
ALLOWED = {
    # what runs on the cluster
    "spark_jobs.failpoint": "",
    "spark_jobs.unpack": "",
    "spark_jobs.formats.spec": "",  # the description alone: the recount must not use the job's parsers
    "spark_jobs.formats": "spark_jobs.formats.spec",
    "spark_jobs.protocol": "spark_jobs.failpoint",
    "spark_jobs.sources.folders": "",  # for specs and supervision: what a folder may be, and which files Spark reads there
    "spark_jobs.sources": "spark_jobs.protocol spark_jobs.sources.folders",
    "spark_jobs.runtime": "spark_jobs.failpoint spark_jobs.protocol spark_jobs.sources spark_jobs.sources.folders",
    "spark_jobs.sinks.settings": "spark_jobs.runtime",  # for specs: what a sink needs beside its client
    "spark_jobs.sinks": "spark_jobs.failpoint spark_jobs.protocol spark_jobs.runtime spark_jobs.sinks.settings",
    "spark_jobs.landed": (
        "spark_jobs.failpoint spark_jobs.protocol spark_jobs.runtime spark_jobs.sources spark_jobs.sinks spark_jobs.sinks.settings"
    ),
    "spark_jobs.counts": (
        "spark_jobs.failpoint spark_jobs.formats spark_jobs.formats.spec spark_jobs.protocol spark_jobs.runtime spark_jobs.sources"
    ),
    "spark_jobs.error_counts": (
        "spark_jobs.counts spark_jobs.failpoint spark_jobs.formats spark_jobs.protocol spark_jobs.runtime spark_jobs.sources"
    ),
    "spark_jobs.patterns": "spark_jobs.runtime spark_jobs.sources",
    "spark_jobs.catalogue": "spark_jobs.patterns spark_jobs.runtime",  # no other job uses it
    # what everything may use
    "weir.errors": "",
    "weir.connection": "weir.errors",
    "weir.system_errors": "weir.errors",
    "weir.setting_rules": "",
    "weir.settings": "weir.errors weir.system_errors weir.setting_rules spark_jobs",
    "weir.times": "weir.errors",
    "weir.addresses": "weir.errors weir.settings spark_jobs.runtime",
    "weir.file_stores": "weir.settings",
    "weir.files": "",
    "weir.http": "",
    "weir.output": "weir.errors weir.times weir.settings",
    "weir.html": BASICS,
    # ports, and what is behind them
    "weir.ports": f"{BASICS} spark_jobs.protocol",
    "weir.ports.counts": f"{BASICS} weir.ports spark_jobs.protocol spark_jobs.counts",
    "weir.ports.store": "weir.ports weir.ports.counts",  # every port: for doors, which show jobs with their counts
    "weir.jobs.packed": f"{BASICS} spark_jobs.unpack",  # for what writes to a store, and what starts drivers from it
    "weir.jobs": (
        f"{BASICS} weir.ports spark_jobs.protocol spark_jobs.runtime spark_jobs.counts spark_jobs.sinks.settings spark_jobs.sources.folders"
    ),
    "weir.cassandra": f"{BASICS} weir.addresses weir.ports weir.ports.counts spark_jobs.protocol spark_jobs.runtime spark_jobs.counts",
    "weir.cluster": f"{BASICS} weir.http weir.jobs.packed weir.ports spark_jobs.protocol spark_jobs.sources spark_jobs.sources.folders",
    "weir.sources": f"{BASICS} weir.ports spark_jobs.protocol spark_jobs.runtime",
    "weir.testing": (
        f"{BASICS} weir.ports weir.ports.counts weir.cassandra weir.cluster "
        "spark_jobs.protocol spark_jobs.runtime spark_jobs.sinks spark_jobs.counts"
    ),
    # supervision knows nothing of counts: judgement without I/O, what all share, who looks, starts and acts, and the manager over all
    "weir.supervise.judge": f"{BASICS} weir.jobs weir.ports spark_jobs.protocol spark_jobs.runtime spark_jobs.sources",
    "weir.supervise": f"{BASICS} weir.jobs weir.ports weir.supervise.judge spark_jobs.protocol",
    "weir.supervise.observe": f"{BASICS} weir.jobs weir.ports weir.supervise weir.supervise.judge spark_jobs.protocol spark_jobs.runtime",
    "weir.supervise.start": (
        f"{BASICS} weir.addresses weir.file_stores weir.jobs weir.jobs.packed weir.ports weir.supervise weir.supervise.judge "
        "weir.supervise.observe spark_jobs.failpoint spark_jobs.protocol spark_jobs.runtime spark_jobs.sources"
    ),
    "weir.supervise.act": (
        f"{BASICS} weir.jobs weir.ports weir.supervise weir.supervise.judge weir.supervise.observe weir.supervise.start spark_jobs.protocol"
    ),
    "weir.supervise.manager": f"{BASICS} weir.jobs weir.ports weir.supervise {SUPERVISE} spark_jobs.protocol",
    "weir.supervise.epochs": f"{BASICS} weir.supervise {SUPERVISE} weir.supervise.manager",
    "weir.supervise.actions": f"{BASICS} weir.jobs weir.supervise {SUPERVISE} weir.supervise.manager weir.supervise.epochs",
    "weir.supervise.shared": f"{BASICS} weir.jobs weir.supervise weir.supervise.manager",
    "weir.plain": f"{BASICS} weir.jobs weir.ports {DOORS}",
    "weir.landed": f"{BASICS} weir.jobs weir.ports {DOORS}",
    "weir.counts": (
        f"{BASICS} weir.addresses weir.html weir.jobs weir.ports weir.ports.counts {DOORS} "
        "spark_jobs.failpoint spark_jobs.formats.spec spark_jobs.protocol spark_jobs.runtime spark_jobs.counts"
    ),
    "weir.sink_readers": f"{BASICS} weir.jobs weir.ports spark_jobs.runtime spark_jobs.sinks spark_jobs.sinks.settings",
    "weir.alerts": (
        f"{BASICS} weir.http weir.connection weir.counts weir.jobs weir.ports weir.ports.counts {DOORS} "
        "spark_jobs.protocol spark_jobs.counts"
    ),
    # assembled from the kinds
    "weir.factory": (
        f"{BASICS} weir.addresses weir.cassandra weir.cluster weir.counts weir.jobs weir.jobs.packed weir.landed weir.plain weir.ports "
        f"weir.ports.store weir.sources weir.stack_stop {DOORS} spark_jobs.protocol spark_jobs.runtime"
    ),
    "weir.stack_stop": "weir.settings",
    "weir.ingest": f"{BASICS} weir.addresses weir.sources spark_jobs.runtime",
    "weir.collect.spool": "weir.errors",
    "weir.metrics.catalogue": "",
    "weir.collect": f"{BASICS} weir.addresses weir.collect.spool weir.ingest weir.metrics.catalogue weir.sources spark_jobs.runtime",
    "weir.rows": f"{BASICS} weir.ports {DOORS} spark_jobs.counts",
    "weir.metrics": (
        f"{BASICS} weir.metrics.catalogue weir.alerts weir.jobs weir.ports weir.ports.counts weir.ports.store {DOORS} spark_jobs.protocol"
    ),
    # what people and Airflow touch
    "weir.airflow": (
        f"{BASICS} weir.setting_rules weir.alerts weir.cluster weir.connection weir.counts weir.factory weir.files weir.jobs weir.ports "
        f"weir.ports.store {DOORS}"
    ),
    "weir.api": (
        f"{BASICS} weir.files weir.counts weir.jobs weir.sink_readers weir.ports weir.ports.store weir.rows {DOORS} spark_jobs.counts"
    ),
    "weir.console": (
        f"{BASICS} weir.airflow weir.alerts weir.api weir.counts weir.html weir.jobs weir.metrics weir.ports "
        "weir.ports.counts weir.ports.store weir.rows "
        f"{DOORS} spark_jobs.protocol spark_jobs.counts"
    ),
    "weir.local": (
        f"{BASICS} weir.addresses weir.cassandra weir.cluster weir.counts weir.factory weir.files weir.ingest weir.jobs weir.ports "
        f"weir.sources weir.stack_stop {DOORS} spark_jobs.runtime spark_jobs.sources"
    ),
    "weir.doctor": (
        f"{BASICS} weir.http weir.setting_rules weir.alerts weir.cassandra weir.cluster weir.factory weir.jobs weir.jobs.packed weir.local "
        f"weir.ports weir.sources {DOORS}"
    ),
    "weir.cli": (
        f"{BASICS} weir.addresses weir.airflow weir.alerts weir.api weir.cassandra weir.collect weir.counts weir.doctor "
        f"weir.factory weir.ingest weir.jobs weir.sink_readers weir.local weir.metrics weir.ports weir.ports.store weir.rows {DOORS} "
        f"spark_jobs.counts spark_jobs.formats.spec"
    ),
    "weir.__main__": "weir.cli",
    "weir.triggers": "weir.airflow",  # names of the release before
    "dags": "weir.airflow weir.errors weir.jobs",
}  # fmt: skip


def unit(module: str) -> str:
    """The line of the table that a module belongs to: the longest that fits, else its folder."""
    parts = module.split(".")
    names = [".".join(parts[:n]) for n in range(len(parts), 0, -1)]
    return next((name for name in names if name in ALLOWED), parts[0] if parts[0] in ANY else ".".join(parts[:2]))


def modules(top: str) -> Iterator[tuple[str, Path]]:
    """Each module below `top`, by its name."""
    root = next(root for root in ROOTS if (root / top).is_dir())
    for file in sorted((root / top).rglob("*.py")):
        yield ".".join(file.relative_to(root).with_suffix("").parts).removesuffix(".__init__"), file


def imported(source: str, module: str = "") -> set[str]:
    """What a module imports of the project, wherever in it: at the top, in a function, for types only, or by a name in a string."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import():
                found |= {alias.name for alias in node.names}
            case ast.ImportFrom(level=0, module=str(base)):
                found |= {f"{base}.{alias.name}" for alias in node.names}
            case ast.ImportFrom(level=level, module=base):
                package = ".".join(filter(None, [*module.split(".")[:-level], base or ""]))
                found |= {f"{package}.{alias.name}" for alias in node.names}
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=[ast.Constant(value=str(late)), *_]):
                found |= {late} if name in ("late", "import_module") else set()
    return {name for name in found if name.split(".")[0] in TOPS}


def arrows(*tops: str) -> set[tuple[str, str]]:
    """From each module to the units beside its own that it imports."""
    return {
        (module, unit(name))
        for top in tops
        for module, file in modules(top)
        for name in imported(file.read_text(), module)
        if unit(name) != unit(module)
    }


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import weir.errors", {"weir.errors"}),
        ("from weir.jobs import spec", {"weir.jobs.spec"}),
        ("def f():\n    from drill.run import x", {"drill.run.x"}),
        ("if TYPE_CHECKING:\n    from weir.supervise.judge.report import Report", {"weir.supervise.judge.report.Report"}),
        ("from ..cluster import spark", {"weir.cluster.spark"}),
        ("late('weir.factory', 'store')(x)", {"weir.factory"}),
        ("importlib.import_module('weir.factory').drivers", {"weir.factory"}),
        ("import json\nfrom airflow.sdk import DAG", set()),
    ],
)
def test_every_way_to_import_is_seen(source: str, found: set[str]) -> None:
    assert imported(source, "weir.jobs.x") == found


def test_each_folder_is_in_the_table() -> None:
    there = {unit(module) for top in ("weir", "spark_jobs", "dags") for module, _ in modules(top) if module not in ("weir", "spark_jobs")}
    assert there == set(ALLOWED)


def test_the_table_has_no_circle() -> None:
    order = list(TopologicalSorter({name: below.split() for name, below in ALLOWED.items()}).static_order())
    assert order.index("weir.supervise") < order.index("weir.airflow") < order.index("dags")


def test_the_arrows_point_one_way() -> None:
    against = {(module, to) for module, to in arrows("weir", "spark_jobs", "dags") if to not in ALLOWED[unit(module)].split()}
    assert sorted(against) == []


def test_what_is_not_for_production_is_imported_by_nothing_that_is() -> None:
    assert [arrow for arrow in arrows("weir", "spark_jobs", "dags") if arrow[1] in ANY] == []


@cache
def defined(file: Path) -> set[str]:
    """The names that a module defines or imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        match node:
            case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                found.add(node.name)
            case ast.Name(ctx=ast.Store()):
                found.add(node.id)
            case ast.Import() | ast.ImportFrom():
                found |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
    return found


def home(module: str) -> Path | None:
    """The file or folder of a module of ours."""
    places = [root.joinpath(*module.split(".")) for root in ROOTS]
    return next((p for place in places for p in (place.with_suffix(".py"), place / "__init__.py", place) if p.exists()), None)


@pytest.mark.parametrize("top", TOPS)
def test_what_is_imported_of_ours_is_there(top: str) -> None:
    """Benches and drills are run by hand: two benches named modules that had moved, and nothing noticed."""
    missing = []
    for module, file in modules(top):
        for node in ast.walk(ast.parse(file.read_text())):
            if not isinstance(node, ast.ImportFrom) or node.level or (node.module or "").partition(".")[0] not in TOPS:
                continue
            there = home(str(node.module))
            known = defined(there) if there and there.is_file() else set()
            missing += [
                f"{module}: {node.module} {a.name}" for a in node.names if a.name not in known and not home(f"{node.module}.{a.name}")
            ]
    assert missing == []
