"""Responses of the console: pages with their headers, and errors as pages with the right status."""

from __future__ import annotations

import time
from pathlib import Path

from fastapi import HTTPException, Request, status
from fastapi.responses import HTMLResponse, Response

from weir.api.problems import status_of
from weir.counts.times import at
from weir.html import render

HERE = Path(__file__).parent
# Every script of Airflow's origin can read its login cookie: live pages load two scripts of ours, and nothing else may run.
# Great Expectations' pages have inline styles and no scripts.
SHUT = "default-src 'none'; base-uri 'none'; frame-ancestors 'self'; img-src 'self'; font-src 'self'"
HEADERS = {
    "Content-Security-Policy": f"{SHUT}; form-action 'self'; style-src 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
FOLLOWED = {"Content-Security-Policy": f"{HEADERS['Content-Security-Policy']}; script-src 'self'; connect-src 'self'"}
DOCS_HEADERS = {**HEADERS, "Content-Security-Policy": f"{SHUT}; form-action 'none'; style-src 'self' 'unsafe-inline'"}
LATE = "Timed out. See: weir status"


def page(request: Request, template: str, code: int = status.HTTP_200_OK, **values: object) -> Response:
    """Render a page. `up` leads from it to the console's root, whatever path Airflow has, and `about` is the job in the address. `follow`
    is the address of an event stream below that root; only with it may scripts run."""
    up = "../" * (request.scope["route"].path.count("/") - 1)
    follow = f"{up}{values.pop('follow', '')}" if values.get("follow") else ""
    headers = {**HEADERS, **FOLLOWED} if follow else HEADERS
    given = {"up": up, "about": request.path_params.get("name", ""), "follow": follow, "live": False, "trouble": "", **values}
    return HTMLResponse(fragment(template, **given), code, headers)


def fragment(template: str, **values: object) -> str:
    """Render a template, or a part of a page."""
    return render(HERE / template, now=at(int(time.time() * 1000)), **values)


def trouble(request: Request, error: Exception) -> Response:
    """Return a WeirError or a TimeoutError as a page."""
    return page(request, "message.html", status_of(error), text=str(error) or LATE, bad=True)


def refused(request: Request, error: Exception) -> Response:
    """Return an HTTPException as a page."""
    assert isinstance(error, HTTPException)
    answer = page(request, "message.html", error.status_code, text=str(error.detail), bad=True)
    answer.headers.update(error.headers or {})
    return answer
