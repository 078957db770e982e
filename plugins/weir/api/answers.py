"""The service's responses: ASCII JSON as on the command line, never cached."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fastapi.responses import JSONResponse
from starlette.background import BackgroundTask

HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class Json(JSONResponse):
    """JSON with all other characters than ASCII escaped."""

    def __init__(
        self,
        content: Any,
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        media_type: str | None = None,
        background: BackgroundTask | None = None,
    ) -> None:
        super().__init__(content, status_code, {**HEADERS, **(headers or {})}, media_type, background)

    def render(self, content: Any) -> bytes:
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode()
