"""The secrets of the embedded stack: created on first start, kept in one file that only its owner can read, never logged."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping
from pathlib import Path

from weir.files import write_private
from weir.system_errors import read_json

FILE = "secrets.json"
ADMIN = "admin"
# Users of a secure stack's servers. Each password has a file of its own, which settings name.
USERS = ("kafka_weir", "kafka_driver", "kafka_ingest", "cassandra_admin", "cassandra_owner", "cassandra_weir",
         "cassandra_driver", "cassandra_reader")  # fmt: skip


def load_or_create(home: Path) -> dict[str, str]:
    """Return the secrets of the state folder `home`. Creates missing ones (an older folder may lack some)."""
    file = home / FILE
    known: dict[str, str] = read_json(file)
    complete = _fresh() | known
    if complete != known:
        write_private(file, json.dumps(complete, indent=1))
        write_private(password_file(home), complete["airflow_admin"] + "\n")
    return complete


def password_file(home: Path) -> Path:
    """Return the file with only the Airflow password, for `cat` and for a password manager."""
    return home / "airflow-password"


def user_file(home: Path, user: str) -> Path:
    """Return the file with the password of one of USERS."""
    return home / "credentials" / user


def write_files(home: Path, known: Mapping[str, str]) -> None:
    """Write the passwords of USERS to their files."""
    for user in USERS:
        write_private(user_file(home, user), known[user])


def replace(home: Path, user: str, password: str) -> None:
    """Keep a new password of one of USERS."""
    write_private(home / FILE, json.dumps({**load_or_create(home), user: password}, indent=1))
    write_private(user_file(home, user), password)


def _fresh() -> dict[str, str]:
    return {
        "airflow_admin": secrets.token_urlsafe(15),
        "airflow_fernet": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "airflow_jwt": secrets.token_hex(48),  # Airflow needs at least 64 bytes for HS512
        "airflow_api": secrets.token_hex(32),
        "postgres": secrets.token_urlsafe(24),
        **{user: secrets.token_urlsafe(24) for user in USERS},
    }
