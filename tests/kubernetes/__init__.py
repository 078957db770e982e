"""Kubernetes for real: a control plane as processes, and pods as processes. `make test-kubernetes` runs all of it."""

import os

import pytest

ON_REQUEST = pytest.mark.skipif(not os.environ.get("WEIR_TEST_KUBERNETES"), reason="takes half an hour: make test-kubernetes")
