"""Check names of jobs. A job outside Weir's package is a Python package of that name on its driver's path."""

from __future__ import annotations

import keyword
import sys

NAME = r"[a-z][a-z0-9_]{0,62}"
USED = {"weir", "spark_jobs", "pyspark", "py4j", "cassandra", "pandas", "numpy", "pyarrow"}  # a driver imports these


def problem(name: str) -> str:
    """Return why a job cannot have this name; empty if it can. `PYTHONPATH` comes before the standard library."""
    if keyword.iskeyword(name):
        return "is a Python keyword"
    return "would hide a module that drivers import" if name in sys.stdlib_module_names or name in USED else ""
