"""Authentication and authorization of requests. The caller of the service provides the `Access`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Protocol

from fastapi import Depends, Request, Security
from fastapi.dependencies.utils import get_flat_dependant
from fastapi.security import HTTPBearer

from weir.api import audit
from weir.api.limits import Buckets
from weir.errors import BadInput, NotAllowed

READS_ONLY = "You may read, but not act on jobs."


@dataclass(frozen=True)
class Person:
    """The user of a request."""

    name: str
    refusal: str = ""  # why they may not act; empty if they may


class Access(Protocol):
    async def __call__(self, request: Request) -> Person:
        """Return the user, who may at least read. Raises NotSignedIn, NotAllowed."""


BEARER = HTTPBearer(auto_error=False, description="Weir's own token, or Airflow's inside Airflow.")


async def reader(request: Request, _scheme: Annotated[object, Security(BEARER)]) -> Person:
    """Return the user of a request. Raises NotSignedIn, NotAllowed, or TooMany."""
    access: Access = request.app.state.access
    buckets: Buckets = request.app.state.buckets
    person = await access(request)
    buckets.take(person.name)
    return person


Reader = Annotated[Person, Depends(reader)]


def only_known(request: Request) -> None:
    """Refuse unknown query parameters, which may be misspelt. Raises BadInput."""
    known = {field.alias for field in get_flat_dependant(request.scope["route"].dependant).query_params}
    for name in request.query_params:
        if name not in known:
            raise BadInput(f"{name}: there is no such parameter.", f"There are: {', '.join(sorted(known)) or 'none'}.")


async def editor(request: Request, person: Reader) -> Person:
    """Return the user if they may act. Raises as `reader`, and NotAllowed for others; a refused action is recorded in the audit log."""
    if not person.refusal:
        return person
    error = NotAllowed(f"{person.refusal} Nothing was done.", "See docs/rest.md#who-may.")
    if request.method == "POST":
        audit.note(person.name, request.path_params["action"], request.path_params["job"], "refused", code=error.code)
    raise error


Editor = Annotated[Person, Depends(editor)]
