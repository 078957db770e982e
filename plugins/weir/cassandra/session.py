"""The session of supervision: its errors are ones that people can read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from cassandra import InvalidRequest
from spark_jobs.runtime.faults import OutOfPatience
from spark_jobs.runtime.session import Session
from weir import errors
from weir.errors import NotRunning, StoreBehind

T = TypeVar("T")
CONNECTION = (
    errors.BadSetting, errors.NotRunning, errors.NameNotResolved, errors.ConnectionRefused, errors.HandshakeFailed,
    errors.LoginRefused, errors.NotAuthorized, errors.KeyspaceMissing, errors.WrongDatacenter, errors.TooFewNodes,
)  # fmt: skip
BY_CODE = {kind.code: kind for kind in CONNECTION}


class PatientSession(Session):
    """A session of supervision: when its patience ends, the error is one that people can read."""

    def patiently(self, what: str, run: Callable[[], T]) -> T:
        try:
            return super().patiently(what, run)
        except OutOfPatience as error:
            raise of(error) from error

    def _statement(self, cql: str) -> Any:
        with tables_fit():
            return super()._statement(cql)


def of(error: OutOfPatience) -> NotRunning | errors.BadSetting:
    """Return the error of Weir's with the code of what is wrong."""
    return BY_CODE[str(error.fault.cause)](f"{error.what}.", error.fault.next_step)


@contextmanager
def tables_fit() -> Iterator[None]:
    """Around what fails only if a table is not the one that is asked for, and not around what is written: a batch that is too large is
    an InvalidRequest as well."""
    try:
        yield
    except InvalidRequest as error:
        raise StoreBehind(f"Cassandra's tables do not match this release of Weir: {error}.", "Run: weir migrate") from error
