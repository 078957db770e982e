"""What the embedded stack's supervisor does beside keeping parts alive: bound drivers' logs, and remove old logs and rows of Airflow."""

from __future__ import annotations

import subprocess
import time
from datetime import UTC, datetime

from weir.local.airflow import KEEP, clean_command, remove_old_logs
from weir.local.supervisor import LOG_EVERY_S, PRUNE_EVERY_S, bound_logs
from weir.settings import home


def prune() -> None:
    """Remove Airflow's logs and rows that are older than KEEP. A failure is in this container's log, and the next day tries again."""
    limit = datetime.now(UTC) - KEEP
    remove_old_logs(home() / "airflow" / "logs", limit)
    subprocess.run(clean_command(limit), check=False)


def main() -> None:
    marker = home() / "airflow" / "pruned"  # a machine that is shut down daily must be pruned, too
    while True:
        bound_logs(home())
        if not marker.exists() or time.time() - marker.stat().st_mtime > PRUNE_EVERY_S:
            marker.touch()
            prune()
        time.sleep(LOG_EVERY_S)


if __name__ == "__main__":
    main()
