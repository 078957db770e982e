"""Whether the server of this process is shutting down, for streams, which must end then."""

from __future__ import annotations

import signal


def ending() -> bool:
    """Return whether the server is shutting down. uvicorn waits for open streams (two minutes as Airflow starts it) and tells the app only
    after that, so this asks uvicorn's signal handler."""
    server = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    return bool(getattr(server, "should_exit", False))
