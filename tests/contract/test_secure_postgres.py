"""Airflow's PostgreSQL as a secure stack starts it."""

from __future__ import annotations

from pathlib import Path

import psycopg2
import pytest

from weir.local import certs, postgres, postgres_access
from weir.local.part import Stack


def tells(stack: Stack, **how: str) -> str:
    """Return why a connection is refused; empty if it is not."""
    where = {"host": "127.0.0.1", "port": stack.ports["postgres"], "user": postgres.USER, "dbname": "postgres"}
    try:
        psycopg2.connect(**{**where, "password": stack.secrets["postgres"], **how}).close()
    except psycopg2.OperationalError as error:
        return str(error)
    return ""


@pytest.mark.stack
def test_nobody_gets_in_without_tls_and_a_password(tmp_path: Path, secure_postgres: Stack) -> None:
    stack = secure_postgres
    ca = str(certs.ca_file(stack.home))
    assert tells(stack, sslmode="verify-full", sslrootcert=ca) == ""
    assert "no encryption" in tells(stack, sslmode="disable")
    assert "password authentication failed" in tells(stack, sslmode="verify-full", sslrootcert=ca, password="guess")
    certs.ensure(tmp_path / "other")
    assert "certificate verify failed" in tells(stack, sslmode="verify-full", sslrootcert=str(certs.ca_file(tmp_path / "other")))


def test_a_build_without_tls_is_none_for_a_secure_stack(tmp_path: Path) -> None:
    for name, text in (
        ("initdb", ""),
        ("postgres", "#!/bin/sh\n# SSL is not supported by this build\necho 'postgres (PostgreSQL) 18.1'\n"),
    ):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    assert postgres_access._version(tmp_path / "postgres") == 0
    (tmp_path / "postgres").write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 18.1'\n")
    assert postgres_access._version(tmp_path / "postgres") == 18
