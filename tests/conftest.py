"""Every test imports the product as it is deployed: from the two roots, `plugins/` and the project."""

import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from _pytest.nodeid import coerce_node_id

PROJECT = Path(__file__).resolve().parents[1]
for root in (PROJECT / "plugins", PROJECT):
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Say which tests share a process where `make test` runs two. Not by xdist's own groups: its version 3.8 sets none under pytest 9.2."""
    from xdist.scheduler import LoadScopeScheduling

    class ByPart(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return part(nodeid)

    return ByPart(config, log)


def part(nodeid: str) -> str:
    """Return the part of a test: those of a part run one after another in one process.

    All tests that start servers are one part. When tests of single servers ran beside those of a whole stack, tests of both timed out: 30
    threads waited for two cores. Each file of tests/unit is a part; a process that is free takes the next one.
    """
    file = nodeid.partition("::")[0]
    folder = file.removeprefix("tests/").partition("/")[0]
    return {"unit": file, "dags": "dags", "spark": "spark"}.get(folder, "servers")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse a run in which two tests have the same id: xdist would run only one of them, without a message.

    The tests that schemathesis 4 makes have the same id under pytest 9.2. Their names differ, and are added to the ids here.
    """
    for item in items:
        if not item.nodeid.endswith(item.name) and item.parent:
            item._id = coerce_node_id(f"{item.parent.nodeid}::{item.name}")
    twice = [name for name, times in Counter(item.nodeid for item in items).items() if times > 1]
    if twice:
        raise pytest.UsageError(f"Several tests have the same id, and xdist would run only one of them. Give each its own name: {twice}.")


@pytest.fixture(scope="session", autouse=True)
def own_options_once() -> Iterator[None]:
    """Load the options of the product's own jobs in a process of their own once, not for each deploy and restart of a test: that took
    0.13 CPU-s each, four fifths of a deploy. A file of any other content is loaded each time."""
    from weir.jobs import options_process

    own = {file.read_bytes() for file in (PROJECT / "spark_jobs").glob("*/options.py")}
    load, known = options_process.load, dict[tuple[bytes, str], Mapping[str, Any]]()

    def once(file: Path, values: Mapping[str, Any], of_counting: bool = True) -> Mapping[str, Any]:
        if (text := file.read_bytes()) not in own:
            return load(file, values, of_counting)
        key = text, repr(sorted(values.items()))
        if key not in known:
            known[key] = load(file, values, of_counting)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(options_process, "load", once)
        yield
