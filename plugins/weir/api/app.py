"""The service as an app: reading routes, actions, and the contract. Every route requires authentication."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from fastapi import Depends, FastAPI

from weir.api import actions, contract, events, jobs, problems
from weir.api.access import Access, reader
from weir.api.answers import Json
from weir.api.ask import Ask
from weir.api.limits import BodyLimit, Buckets
from weir.api.streams import Streams

TITLE, VERSION = "Weir", "1"
DESCRIPTION = (
    "The command line over HTTP: the same rows, the same error codes, the same actions. "
    "Send a token as `Authorization: Bearer TOKEN`. See docs/rest.md."
)

UNPUBLISHED: Any = {"docs_url": None, "redoc_url": None, "openapi_url": None}  # FastAPI's own pages have no authentication


def build(
    access: Access, ask: Ask, clock: Callable[[], float] = time.time, buckets: Buckets | None = None, streams: Streams | None = None
) -> FastAPI:
    """Build the app, to be mounted below `/api/v1`. `access` authenticates, `ask` calls the manager; `clock` is in s since 1970. Without
    `streams` it streams no records."""
    app = FastAPI(title=TITLE, version=VERSION, description=DESCRIPTION, default_response_class=Json, **UNPUBLISHED)
    app.router.redirect_slashes = False
    app.state.access, app.state.ask, app.state.clock, app.state.buckets = access, ask, clock, buckets or Buckets(time.monotonic)
    problems.install(app)
    app.add_middleware(BodyLimit)
    app.include_router(jobs.router)
    app.include_router(actions.router)
    if streams:
        app.state.streams = streams
        app.include_router(events.router)
    app.add_api_route("/openapi.json", contract.show, methods=["GET"], dependencies=[Depends(reader)], include_in_schema=False)
    return app
