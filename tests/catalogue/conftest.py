"""`make test-catalogue` runs these tests; `make test` skips them."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.landed.rig import LandedRig, landed_rig


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent.name == "catalogue" and item.path.parent.parent.name == "tests":
            item.add_marker(pytest.mark.stack)
            if not os.environ.get("WEIR_TEST_CATALOGUE"):
                item.add_marker(pytest.mark.skip(reason="make test-catalogue runs it"))


@pytest.fixture(scope="session")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LandedRig]:
    """Kafka, Cassandra and PostgreSQL, for all jobs."""
    with landed_rig(tmp_path_factory.mktemp("catalogue")) as found:
        yield found
