"""The REST service inside Airflow: below the console, with Airflow's own logins."""

from __future__ import annotations

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.core_api.security import bearer_scheme, get_user
from fastapi import FastAPI, Request

from weir.airflow.triggers.session import ask
from weir.api.access import READS_ONLY, Person
from weir.api.app import build as api
from weir.console.access import edits
from weir.errors import NotAllowed

BY_COOKIE = "A browser's cookie can read but not act, since any page could make a browser send it. Send a token as Authorization: Bearer."


def build() -> FastAPI:
    return api(person, ask)


async def person(request: Request) -> Person:
    """Return the user. The right to read DAGs allows reading, the right to edit DAGs allows actions, as in the console.

    A login's cookie only allows reading. Only its owner can send a token in a header, so no page of another site or port can act with it.
    Raises HTTPException 401 and 403, as Airflow does, and NotAllowed.
    """
    bearer = await bearer_scheme(request)
    user = await get_user(request, None, bearer)
    if not get_auth_manager().is_authorized_dag(method="GET", user=user):
        raise NotAllowed("Your user may not read DAGs, so it may not see jobs.")
    return Person(user.get_name(), BY_COOKIE if bearer is None else "" if edits(user) else READS_ONLY)
