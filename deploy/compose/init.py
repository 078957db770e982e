"""Make the secrets of docker-compose.yml and the folders of Weir's user, once: a secret that exists is kept.

Runs as root without a network. A secret lies in a volume of its readers. PostgreSQL and Grafana have users of their own, so every user of
the one container that mounts theirs can read it.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
from pathlib import Path

VOLUMES = Path("/volumes")
WEIR = 10001  # the image's user
OF_WEIR = ("home", "home/airflow", "home/airflow/logs", "home/spark", "home/spark/work", "checkpoints", "bundles", "event-logs",
           "spark-work", "spark-recovery", "spool", "airflow-secrets")  # fmt: skip
MINE, ANYBODY = 0o400, 0o444


def main() -> None:
    for name in OF_WEIR:
        folder = VOLUMES / name
        folder.mkdir(parents=True, exist_ok=True)
        os.chown(folder, WEIR, WEIR)
    password = once("postgres-secrets/password", secrets.token_urlsafe(24), ANYBODY)
    once("grafana-secrets/password", secrets.token_urlsafe(15), ANYBODY)
    address = f"postgresql+psycopg2://airflow:{password}@postgres:5432/airflow"
    once("airflow-secrets/sql_alchemy_conn", address, MINE)
    once("airflow-secrets/fernet_key", base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(), MINE)
    once("airflow-secrets/jwt_secret", secrets.token_hex(48), MINE)  # Airflow needs at least 64 bytes for HS512
    once("airflow-secrets/api_secret_key", secrets.token_hex(32), MINE)
    once("airflow-secrets/passwords.json", json.dumps({"admin": secrets.token_urlsafe(15)}), 0o600)  # Airflow opens it to write


def once(name: str, text: str, mode: int) -> str:
    """Write a secret unless it is there. Return the one that is there then."""
    path = VOLUMES / name
    if not path.exists():
        part = path.with_name(path.name + ".part")
        part.write_text(text)
        part.chmod(mode)
        if mode is not ANYBODY:
            os.chown(part, WEIR, WEIR)
        part.rename(path)  # in one step: an interrupted start leaves no half of a secret
    return path.read_text()


if __name__ == "__main__":
    main()
