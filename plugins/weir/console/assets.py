"""The files that pages load: a style, and two scripts. There are no others, and what is not named here is not served."""

from __future__ import annotations

from collections.abc import Callable

from fastapi.responses import FileResponse, Response

from weir.console.answers import HEADERS, HERE

SCRIPT, STYLE = "text/javascript; charset=utf-8", "text/css; charset=utf-8"
ASSETS = {"console.css": STYLE, "live.js": SCRIPT, "idiomorph-0.8.0.min.js": SCRIPT}
KEPT = {"Cache-Control": "private, max-age=86400"}  # of a file whose name has its version


def serve(name: str) -> Callable[[], Response]:
    """What answers for a file."""
    ours = HERE / name
    path, kept = (ours, {}) if ours.exists() else (HERE / "vendored" / name, KEPT)

    def answer() -> Response:
        return FileResponse(path, headers={**HEADERS, **kept}, media_type=ASSETS[name])

    return answer
