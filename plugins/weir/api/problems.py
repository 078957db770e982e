"""Errors as RFC 9457 problems: the code of the command line, what happened, what to do next, and the heading in the runbook."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException as StarletteHTTPException

from weir.api.answers import Json
from weir.errors import (
    BadInput,
    Conflict,
    DataLoss,
    Diverged,
    KeyReused,
    NotAllowed,
    NotKept,
    NotProven,
    NotRunning,
    NotSignedIn,
    Prerequisite,
    ReaderWrites,
    Refused,
    StoreBehind,
    TimedOut,
    TooMany,
    UnknownJob,
    WeirError,
)

MEDIA_TYPE = "application/problem+json"
RUNBOOK = "docs/runbook.md"
STATUS: tuple[tuple[type[Exception], HTTPStatus], ...] = (  # the first that fits
    (UnknownJob, HTTPStatus.NOT_FOUND),
    (KeyReused, HTTPStatus.UNPROCESSABLE_ENTITY),
    (BadInput, HTTPStatus.BAD_REQUEST),
    (NotSignedIn, HTTPStatus.UNAUTHORIZED),
    (NotAllowed, HTTPStatus.FORBIDDEN),
    (TooMany, HTTPStatus.TOO_MANY_REQUESTS),
    *((kind, HTTPStatus.SERVICE_UNAVAILABLE) for kind in (NotRunning, Prerequisite, StoreBehind, TimedOut, TimeoutError)),
    *((kind, HTTPStatus.CONFLICT) for kind in (Conflict, Diverged, DataLoss, Refused, NotKept, NotProven, ReaderWrites)),
)
OF_STATUS: dict[int, type[WeirError]] = {401: NotSignedIn, 403: NotAllowed, 429: TooMany, 503: NotRunning}

log = logging.getLogger(__name__)


class Fault(WeirError):
    """A bug in Weir."""


LATE = TimedOut("Timed out. An action that has begun continues.", "See: weir status")
FAULT = Fault("An unexpected error.", "See the traceback in the service's log, and report it.")


def status_of(error: Exception) -> int:
    """Return the HTTP status for an error: 500 for an unexpected one."""
    return next((int(status) for kind, status in STATUS if isinstance(error, kind)), 500)


def problem(error: WeirError, status: int | None = None) -> dict[str, Any]:
    """Return a problem's members. `type` is the heading in the runbook, which ends with the code."""
    status = status_of(error) if status is None else status
    return {
        "type": f"{RUNBOOK}#{error.code.lower()}",
        "title": (type(error).__doc__ or "").partition("\n")[0],
        "status": status,
        "detail": error.what,
        "code": error.code,
        "next": error.next_step,
    }


def install(app: FastAPI) -> None:
    """Let the app return all errors as problems."""
    for kind, handler in (
        (WeirError, _told),
        (TimeoutError, _late),
        (RequestValidationError, _not_valid),
        (StarletteHTTPException, _http),
        (Exception, _fault),
    ):
        app.add_exception_handler(kind, handler)


def answer(error: WeirError, status: int | None = None, headers: dict[str, str] | None = None) -> Response:
    members = problem(error, status)
    more = {"WWW-Authenticate": "Bearer"} if members["status"] == 401 else {}
    if after_s := getattr(error, "after_s", 0):
        more["Retry-After"] = str(after_s)
    return Json(members, members["status"], {**more, **(headers or {})}, MEDIA_TYPE)


def _told(request: Request, error: Exception) -> Response:
    assert isinstance(error, WeirError)
    return answer(error)


def _late(request: Request, error: Exception) -> Response:
    return answer(LATE)


def _not_valid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"][1:]) or str(first["loc"][0])
    return answer(BadInput(f"{where}: {first['msg']}. Nothing was done.", "See: openapi.json"))


def _http(request: Request, error: Exception) -> Response:
    """Convert FastAPI's own errors (no such path, no such method, too large) and Airflow's login errors."""
    assert isinstance(error, HTTPException | StarletteHTTPException)
    kind = OF_STATUS.get(error.status_code, Fault if error.status_code >= 500 else BadInput)
    return answer(kind(f"{request.method} {request.url.path}: {error.detail}."), error.status_code, dict(error.headers or {}))


def _fault(request: Request, error: Exception) -> Response:
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return answer(FAULT, 500)
