"""docs/windows.md and the operations of the catalogue name each other."""

from __future__ import annotations

import re

from spark_jobs.catalogue.windows.operations import OPERATIONS
from tests.conftest import PROJECT

TEXT = (PROJECT / "docs" / "windows.md").read_text()
ROW = re.compile(r"^\| `(\w+)`[^|]*\|[^|]*\| `(\w+)` \|", re.MULTILINE)  # a DStream operation, its call, and the function here
WANTED = {"window", "countByWindow", "reduceByWindow", "reduceByKeyAndWindow", "countByValueAndWindow", "updateStateByKey", "mapWithState"}


def test_each_operation_of_dstreams_has_a_function() -> None:
    named = ROW.findall(TEXT)
    assert {old for old, _ in named} >= {*WANTED, "transform", "join"}
    assert [new for _, new in named if new not in OPERATIONS] == []


def test_each_function_is_named() -> None:
    assert [name for name in OPERATIONS if f"`{name}`" not in TEXT] == []
