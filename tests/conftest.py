"""Every test imports the product as it is deployed: from the two roots, `plugins/` and the project."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).resolve().parents[1]
for root in (PROJECT / "plugins", PROJECT):
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say which tests share a process where `make test` runs two: a file of tests/unit may be in either, and the tests that start servers
    run one after another in one. Servers mostly wait, so that each process has about a core."""
    for item in (item for item in items if PROJECT / "tests" in item.path.parents):
        file = item.path.relative_to(PROJECT / "tests")
        group = {"unit": str(file), "dags": "dags"}.get(file.parts[0], "servers")
        item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(scope="session", autouse=True)
def own_options_once() -> Iterator[None]:
    """Load the options of the product's own jobs in a process of their own once, not for each deploy and restart of a test: that took
    0.13 CPU-s each, four fifths of a deploy. A file of any other content is loaded each time."""
    from weir.jobs import options_process

    own = {file.read_bytes() for file in (PROJECT / "spark_jobs").glob("*/options.py")}
    load, known = options_process.load, dict[tuple[bytes, str], Mapping[str, Any]]()

    def once(file: Path, values: Mapping[str, Any]) -> Mapping[str, Any]:
        if (text := file.read_bytes()) not in own:
            return load(file, values)
        key = text, repr(sorted(values.items()))
        if key not in known:
            known[key] = load(file, values)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(options_process, "load", once)
        yield
