"""The jobs of the catalogue on real servers, each with kills in the middle: `make test-catalogue`."""

import os
from pathlib import Path

import pytest

CATALOGUE = Path(__file__).parents[2] / "spark_jobs" / "catalogue"
at_length = pytest.mark.skipif(not os.environ.get("WEIR_TEST_CATALOGUE"), reason="make test-catalogue runs it")
