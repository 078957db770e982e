"""The console: pages that Airflow's API server shows below `/weir`. They need no scripts and load nothing from elsewhere."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

from fastapi import Depends, FastAPI, HTTPException, Request, status
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from weir.console import docs
from weir.console.access import reader
from weir.console.fleet import View
from weir.counts.panes import iso
from weir.errors import WeirError
from weir.html import render
from weir.settings import Settings

HERE = Path(__file__).parent
# No scripts at all: Airflow's login cookie can be read by every script of its origin. Great Expectations' pages style in place.
SHUT = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; img-src 'self'; font-src 'self'; style-src 'self'"
HEADERS = {
    "Content-Security-Policy": SHUT,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
DOCS_HEADERS = {**HEADERS, "Content-Security-Policy": f"{SHUT} 'unsafe-inline'"}  # of `style-src`, which is the last
NO_PAGE = "There is no such page of the Data Docs. They are written by a job's validation: weir validate JOB"


def build() -> FastAPI:
    """The app, every route of it behind `reader`. FastAPI's own pages about the routes would not be: they are left out."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False, dependencies=[Depends(reader)])
    app.state.view = View()
    app.add_api_route("/", fleet, methods=["GET"], response_class=HTMLResponse)
    app.add_api_route("/console.css", style, methods=["GET"], response_class=FileResponse)
    app.add_api_route("/docs/{path:path}", data_docs, methods=["GET"], response_class=FileResponse)
    return app


def _view(request: Request) -> View:
    view: View = request.app.state.view
    return view


async def fleet(view: Annotated[View, Depends(_view)]) -> Response:
    """Every job. 503, with the reason, if the store does not tell."""
    try:
        return _page(status.HTTP_200_OK, rows=await view.rows(), trouble="")
    except (WeirError, TimeoutError) as error:
        trouble = str(error) or "The jobs could not be looked at in time. See: weir status"
        return _page(status.HTTP_503_SERVICE_UNAVAILABLE, rows=[], trouble=trouble)


def _page(code: int, **values: object) -> Response:
    return HTMLResponse(render(HERE / "fleet.html", now=iso(int(time.time()) * 1000), **values), code, HEADERS)


def style() -> Response:
    return FileResponse(HERE / "console.css", headers=HEADERS, media_type=docs.TYPES[".css"])


def data_docs(request: Request, path: str) -> Response:
    """A file of the Data Docs; for a folder, the way to its index. 404 for all else."""
    folder = Settings.load().data_docs
    found = docs.find(folder, path)
    if found and found.is_dir() and (found / "index.html").is_file():
        inside = quote(found.relative_to(Path(folder).resolve()).as_posix())
        return RedirectResponse(f"{request.scope['root_path']}/docs/{inside}/index.html", headers=HEADERS)
    if found is None or not found.is_file():
        raise HTTPException(status.HTTP_404_NOT_FOUND, NO_PAGE)
    return FileResponse(found, headers=DOCS_HEADERS, media_type=docs.TYPES[found.suffix])
