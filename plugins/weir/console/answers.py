"""How the console answers: pages with their headers, and what went wrong as a page, with the status that fits."""

from __future__ import annotations

import time
from pathlib import Path

from fastapi import HTTPException, Request, status
from fastapi.responses import HTMLResponse, Response

from weir.api.problems import status_of
from weir.counts.times import at
from weir.html import render

HERE = Path(__file__).parent
# Airflow's login cookie can be read by every script of its origin: pages that are followed load two files of ours, and nothing else runs.
# Great Expectations' pages style in place, and have no scripts at all.
SHUT = "default-src 'none'; base-uri 'none'; frame-ancestors 'self'; img-src 'self'; font-src 'self'"
HEADERS = {
    "Content-Security-Policy": f"{SHUT}; form-action 'self'; style-src 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
FOLLOWED = {"Content-Security-Policy": f"{HEADERS['Content-Security-Policy']}; script-src 'self'; connect-src 'self'"}
DOCS_HEADERS = {**HEADERS, "Content-Security-Policy": f"{SHUT}; form-action 'none'; style-src 'self' 'unsafe-inline'"}
LATE = "It could not be looked at in time. See: weir status"


def page(request: Request, template: str, code: int = status.HTTP_200_OK, **values: object) -> Response:
    """A page of ours. `up` leads from it to the console's own root, whatever path Airflow is below, and `about` is the job that the address
    names. With `follow`, the address of a stream below that root, its scripts may run."""
    up = "../" * (request.scope["route"].path.count("/") - 1)
    follow = f"{up}{values.pop('follow', '')}" if values.get("follow") else ""
    headers = {**HEADERS, **FOLLOWED} if follow else HEADERS
    given = {"up": up, "about": request.path_params.get("name", ""), "follow": follow, "live": False, "trouble": "", **values}
    return HTMLResponse(fragment(template, **given), code, headers)


def fragment(template: str, **values: object) -> str:
    """A template, or a part of a page."""
    return render(HERE / template, now=at(int(time.time() * 1000)), **values)


def trouble(request: Request, error: Exception) -> Response:
    """What a WeirError or a TimeoutError says, as a page."""
    return page(request, "told.html", status_of(error), text=str(error) or LATE, bad=True)


def refused(request: Request, error: Exception) -> Response:
    """What an HTTPException says, as a page."""
    assert isinstance(error, HTTPException)
    answer = page(request, "told.html", error.status_code, text=str(error.detail), bad=True)
    answer.headers.update(error.headers or {})
    return answer
