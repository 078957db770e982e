"""The files that pages load: a style sheet and two scripts. No other file is served."""

from __future__ import annotations

from collections.abc import Callable

from fastapi.responses import FileResponse, Response

from weir.console.answers import HEADERS, HERE

SCRIPT, STYLE = "text/javascript; charset=utf-8", "text/css; charset=utf-8"
ASSETS = {"console.css": STYLE, "live.js": SCRIPT, "idiomorph-0.8.0.min.js": SCRIPT}
KEPT = {"Cache-Control": "private, max-age=86400"}  # for a file whose name contains its version


def serve(name: str) -> Callable[[], Response]:
    """Return the route function of a file."""
    ours = HERE / name
    path, kept = (ours, {}) if ours.exists() else (HERE / "vendored" / name, KEPT)

    def answer() -> Response:
        return FileResponse(path, headers={**HEADERS, **kept}, media_type=ASSETS[name])

    return answer
