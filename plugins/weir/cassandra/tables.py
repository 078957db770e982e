"""What the ports in Cassandra have in common."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from spark_jobs.runtime.session import Session

AT_ONCE = 100  # jobs of one question; more make the question larger for its coordinator, and gain nothing


class Tables:
    """The tables of a port. All that it keeps is the session, so the ports of one store share it."""

    def __init__(self, session: Session) -> None:
        self.session = session


def ms(moment: datetime) -> int:
    """Cassandra's timestamps come back as naive UTC datetimes."""
    return round(moment.replace(tzinfo=UTC).timestamp() * 1000)


def chunks(jobs: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    return (jobs[i : i + size] for i in range(0, len(jobs), size))


def span(since: int | None, until: int | None) -> tuple[int, int]:
    """Times in ms between which everything lies, where a bound is open."""
    return since if since is not None else -(2**62), until if until is not None else 2**62
