"""The contract: FastAPI's OpenAPI document, with errors as the service returns them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.openapi.utils import get_openapi

from weir.api.answers import Json
from weir.api.models import Problem
from weir.api.problems import MEDIA_TYPE

PROBLEM = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
OF_FASTAPI = ("HTTPValidationError", "ValidationError")


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the error responses of a route."""
    return {status: {"description": HTTPStatus(status).phrase, "content": PROBLEM} for status in statuses}


def openapi(app: FastAPI) -> dict[str, Any]:
    """Return the document, built once. FastAPI answers invalid values with 422 in its own format; here they are problems with 400."""
    if not app.openapi_schema:
        made = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        for operation in (operation for path in made["paths"].values() for operation in path.values()):
            if "application/json" in operation["responses"].get("422", {}).get("content", {}):
                del operation["responses"]["422"]
        schemas = made["components"]["schemas"]
        for name in OF_FASTAPI:
            schemas.pop(name, None)
        schemas["Problem"] = Problem.model_json_schema()
        app.openapi_schema = made
    return app.openapi_schema


def show(request: Request) -> Json:
    """Return the contract, with the address of this service."""
    return Json({**openapi(request.app), "servers": [{"url": request.scope.get("root_path") or "/"}]})
