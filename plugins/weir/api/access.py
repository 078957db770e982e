"""Who may look and who may act. Where that is known is not the service's business: it is handed one `Access`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Protocol

from fastapi import Depends, Request, Security
from fastapi.dependencies.utils import get_flat_dependant
from fastapi.security import HTTPBearer

from weir.api import audit
from weir.api.limits import Buckets
from weir.errors import BadInput, NotAllowed

READS_ONLY = "You may read, and not act on jobs."


@dataclass(frozen=True)
class Person:
    """Who asks. `refusal` says why they may not act; empty for who may."""

    name: str
    refusal: str = ""


class Access(Protocol):
    async def __call__(self, request: Request) -> Person:
        """Who asks, who may at least read. Raises NotSignedIn, NotAllowed."""


BEARER = HTTPBearer(auto_error=False, description="Weir's own token, or Airflow's inside Airflow.")


async def reader(request: Request, _scheme: Annotated[object, Security(BEARER)]) -> Person:
    """Raises NotSignedIn, NotAllowed, or TooMany."""
    access: Access = request.app.state.access
    buckets: Buckets = request.app.state.buckets
    person = await access(request)
    buckets.take(person.name)
    return person


Reader = Annotated[Person, Depends(reader)]


def only_known(request: Request) -> None:
    """A parameter that is misspelt must not look as if it had been heeded. Raises BadInput."""
    known = {field.alias for field in get_flat_dependant(request.scope["route"].dependant).query_params}
    for name in request.query_params:
        if name not in known:
            raise BadInput(f"{name}: there is no such parameter.", f"There are: {', '.join(sorted(known)) or 'none'}.")


async def editor(request: Request, person: Reader) -> Person:
    """Raises as `reader` does, and NotAllowed for who may only read: if they would have acted, that is a line of the audit, too."""
    if not person.refusal:
        return person
    error = NotAllowed(f"{person.refusal} Nothing was done.", "Ask who may, or see docs/rest.md#who-may.")
    if request.method == "POST":
        audit.note(person.name, request.path_params["action"], request.path_params["job"], "refused", code=error.code)
    raise error


Editor = Annotated[Person, Depends(editor)]
