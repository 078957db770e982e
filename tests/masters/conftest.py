"""A table of what was seen."""

from tests.fault_table import pytest_terminal_summary, row  # noqa: F401
