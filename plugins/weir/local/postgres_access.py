"""The PostgreSQL of a secure stack: TLS for every client, and no login without a password.

The wheel's PostgreSQL is built without TLS, so this one is the machine's own.
"""

from __future__ import annotations

import functools
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from weir.errors import Prerequisite
from weir.local import certs
from weir.local.part import Stack

FOLDERS = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin", "/usr/local/opt/postgresql@*/bin")
WITHOUT = b"SSL is not supported by this build"  # a message that only a PostgreSQL without TLS has
OLDEST = 13  # that Airflow 3 takes
HBA = "hostssl all all 127.0.0.1/32 scram-sha-256\n"


def settings(stack: Stack) -> dict[str, str]:
    """Return the server's settings that make it secure."""
    return {
        "ssl": "on",
        "ssl_cert_file": str(certs.cert_file(stack.home, "postgres")),
        "ssl_key_file": str(certs.key_file(stack.home, "postgres")),
        "ssl_min_protocol_version": "TLSv1.2",
    }


def client_env(stack: Stack) -> dict[str, str]:
    """Return the variables by which PostgreSQL's clients, libpq and asyncpg, check the server's certificate and name."""
    return {"PGSSLMODE": "verify-full", "PGSSLROOTCERT": str(certs.ca_file(stack.home))} if stack.secure else {}


def allow_only_tls(data: Path) -> None:
    """Let nobody in without TLS and a password."""
    (data / "pg_hba.conf").write_text(HBA)


def programs(data: Path) -> Path:
    """Return the folder with the programs of a PostgreSQL with TLS: that of the data if there are some, else the newest.

    Raises Prerequisite if there is none.
    """
    found = dict(_found())
    made_by = (data / "PG_VERSION").read_text().strip() if (data / "PG_VERSION").exists() else ""
    if made_by and int(made_by) in found:
        return found[int(made_by)]
    if made_by or not found or max(found) < OLDEST:
        wanted = f"PostgreSQL {made_by or f'{OLDEST} or newer'} with TLS"
        raise Prerequisite(
            f"A secure stack needs {wanted}, and this machine has none: the one that Weir installs is built without TLS.",
            "Install it, on Debian and Ubuntu: sudo apt install postgresql",
        )
    return found[max(found)]


@functools.cache
def _found() -> tuple[tuple[int, Path], ...]:
    """Return the major versions that have TLS, with their folders."""
    known = ((_version(folder / "postgres"), folder) for folder in _folders())
    return tuple((version, folder) for version, folder in known if version)


def _folders() -> Iterator[Path]:
    for pattern in FOLDERS:
        yield from Path("/").glob(pattern.lstrip("/"))
    if on_path := shutil.which("postgres"):
        yield Path(on_path).resolve().parent


def _version(postgres: Path) -> int:
    """Return the major version; 0 for one that does not run, has no TLS, or lacks the program that creates a database."""
    try:
        if WITHOUT in postgres.read_bytes() or not (postgres.parent / "initdb").exists():
            return 0
        told = subprocess.run([postgres, "--version"], capture_output=True, text=True, timeout=30, check=False).stdout
    except OSError:
        return 0
    number = re.search(r"\) (\d+)", told)
    return int(number[1]) if number else 0
