"""The grants follow the statements of the code."""

from __future__ import annotations

import re
from pathlib import Path

from tests.conftest import PROJECT
from weir.cassandra.roles import DRIVER_CHANGES, DRIVER_READS, SUPERVISOR_CHANGES, grants

CHANGES = re.compile(r"(?:INSERT INTO|UPDATE|DELETE FROM) ([a-z_]+)")
READS = re.compile(r"(?<!DELETE )FROM ([a-z_]+)")
LEDGER = {"ledger", "ledger_day"}  # supervision writes a landed head there by the driver's own code


def tables(found: re.Pattern[str], *files: Path) -> set[str]:
    return {table for file in files for table in found.findall(file.read_text())}


def test_they_name_what_is_written_and_read() -> None:
    driver = [PROJECT / "spark_jobs" / name for name in ("runtime/store.py", "counts/store.py")]
    supervisor = [file for file in (PROJECT / "plugins/weir/cassandra").rglob("*.py") if file.name not in ("migrate.py", "roles.py")]
    assert tables(CHANGES, *driver) == set(DRIVER_CHANGES)
    assert tables(READS, *driver) == set(DRIVER_READS)
    assert tables(CHANGES, *supervisor) | LEDGER == set(SUPERVISOR_CHANGES)


def test_they_are_cql() -> None:
    found = grants("Weir2", "weir", "weir_driver", "weir_reader")
    assert 'GRANT SELECT ON KEYSPACE "Weir2" TO "weir_reader"' in found and 'GRANT MODIFY ON "Weir2"."delta" TO "weir_driver"' in found
    assert not [grant for grant in found if "weir_reader" in grant and "MODIFY" in grant]
