"""Kubernetes for real: a control plane as processes, and pods as processes. `make test-kubernetes` runs all of it."""

import os

import pytest

from tests.kubernetes import binaries

BUILDS = bool(os.environ.get("WEIR_TEST_KUBERNETES"))  # whether this run builds the servers that the cache lacks: ten minutes of CPU
ON_REQUEST = pytest.mark.skipif(not BUILDS, reason="takes half an hour: make test-kubernetes")


def skip_unless_built(*names: str) -> None:
    """Skip a test whose servers are not built yet. `make test` builds none: with an empty cache it would take twice as long."""
    if not BUILDS and (lacking := binaries.missing(*names)):
        pytest.skip(lacking)
