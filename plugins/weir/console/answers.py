"""How the console answers: pages with their headers, and what went wrong as a page, with the status that fits."""

from __future__ import annotations

import time
from pathlib import Path

from fastapi import HTTPException, Request, status
from fastapi.responses import HTMLResponse, Response

from weir.console.times import at
from weir.errors import BadInput, Conflict, DataLoss, Diverged, NotKept, NotProven, NotRunning, Refused, TimedOut, UnknownJob
from weir.html import render

HERE = Path(__file__).parent
# No scripts at all: Airflow's login cookie can be read by every script of its origin. Great Expectations' pages style in place.
SHUT = "default-src 'none'; base-uri 'none'; frame-ancestors 'self'; img-src 'self'; font-src 'self'"
HEADERS = {
    "Content-Security-Policy": f"{SHUT}; form-action 'self'; style-src 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
DOCS_HEADERS = {**HEADERS, "Content-Security-Policy": f"{SHUT}; form-action 'none'; style-src 'self' 'unsafe-inline'"}
LATE = "It could not be looked at in time. See: weir status"
CODES: tuple[tuple[type[Exception], int], ...] = (
    (UnknownJob, status.HTTP_404_NOT_FOUND),
    (BadInput, status.HTTP_400_BAD_REQUEST),
    (NotRunning, status.HTTP_503_SERVICE_UNAVAILABLE),
    (TimedOut, status.HTTP_503_SERVICE_UNAVAILABLE),
    (TimeoutError, status.HTTP_503_SERVICE_UNAVAILABLE),
    *((kind, status.HTTP_409_CONFLICT) for kind in (Conflict, Diverged, DataLoss, Refused, NotKept, NotProven)),
)


def page(request: Request, template: str, code: int = status.HTTP_200_OK, **values: object) -> Response:
    """A page of ours. `up` leads from it to the console's own root, whatever path Airflow is below, and `about` is the job
    that the address names."""
    up = "../" * (request.scope["route"].path.count("/") - 1)
    values = {"up": up, "now": at(int(time.time() * 1000)), "about": request.path_params.get("name", ""), **values}
    return HTMLResponse(render(HERE / template, **values), code, HEADERS)


def trouble(request: Request, error: Exception) -> Response:
    """What a WeirError or a TimeoutError says, as a page."""
    return page(request, "told.html", code_of(error), text=str(error) or LATE, bad=True)


def refused(request: Request, error: Exception) -> Response:
    """What an HTTPException says, as a page."""
    assert isinstance(error, HTTPException)
    answer = page(request, "told.html", error.status_code, text=str(error.detail), bad=True)
    answer.headers.update(error.headers or {})
    return answer


def code_of(error: Exception) -> int:
    return next((code for kind, code in CODES if isinstance(error, kind)), status.HTTP_500_INTERNAL_SERVER_ERROR)
