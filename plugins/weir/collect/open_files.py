"""The limit of open files of this process. Each connection needs one."""

from __future__ import annotations

import resource

from weir.errors import BadInput

SPARE = 128  # for the spool, the connections to Kafka, and one sender that is turned away. With one broker, 40 are open


def require_files(connections: int) -> None:
    """Make room for so many connections. Raises BadInput if the system does not allow so many open files."""
    needed = connections + SPARE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
    except (ValueError, OSError) as error:
        raise BadInput(
            f"--connections: {connections} connections need {needed} open files, and {hard} are allowed.", _next(needed, hard)
        ) from error


def _next(needed: int, hard: int) -> str:
    fewer = f", or give --connections {hard - SPARE}" if hard > SPARE else ""
    return f"Raise the limit: ulimit -n {needed}; in a systemd unit LimitNOFILE={needed}{fewer}"
